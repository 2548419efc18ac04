"""How fast the site is and what a booking costs, each beside the raw SQL limit of the same machine and moment."""
