"""The public API: JSON with camelCase names under /api (design.md 5)."""
