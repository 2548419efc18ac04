"""The outside world in one process: look-alikes of the vendors, with memory, a ledger and a menu of faults.

It imports nothing of the site and nothing of the site imports it. Start it with ``python -m sandbox``.
"""
