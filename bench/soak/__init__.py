"""The soak: the whole site as real processes under traffic and trouble for an hour; see docs/soak.md."""
