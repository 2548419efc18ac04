"""The API under schemathesis: four people, a prepared world in which real ids exist, and a count of what was reached."""
