"""In English: staff read UTC, and the zone is named."""
