"""The browser script with Stripe.js's surface, and the frames it opens on the sandbox's own origin."""
