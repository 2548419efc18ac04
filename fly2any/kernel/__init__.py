"""The ground floor: money, errors, keys, time, HTTP guard. Imports nothing of ours."""
