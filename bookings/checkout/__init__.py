"""The customer's pages: thin views over drafts, services and selectors; every form works without JavaScript."""
