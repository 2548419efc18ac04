"""The console's own pages beside its tables: the door, the second factor, the people, the runbook."""
