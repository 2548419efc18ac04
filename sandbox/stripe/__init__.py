"""A look-alike of Stripe's API: real HTTP, real signatures, memory, Stripe's own schemas."""
