"""Made and taken back in the middle of the soak."""
