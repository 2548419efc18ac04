"""A look-alike of Duffel's flights API, version v2."""
