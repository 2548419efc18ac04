"""Running the house: restores, deploys, metrics, and what docs/operations hands out."""
