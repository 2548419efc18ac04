"""The security floor of doors, accounts, links, limits and what is kept: one file for each promise."""
