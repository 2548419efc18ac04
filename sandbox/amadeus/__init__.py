"""Amadeus as it answers at /amadeus: see sandbox/README.md."""
