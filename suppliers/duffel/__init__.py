"""The Duffel adapter: raw JSON of API v2 on one side, our own words on the other."""
