"""A schema change of our real tables that only the soak knows: made and taken back while customers book."""
