"""Card gateways, one folder each; nobody outside imports a vendor's library."""
