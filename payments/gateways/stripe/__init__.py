"""The Stripe gateway: the vendor's library on one side, our own words on the other."""
