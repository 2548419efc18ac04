"""Every page in every state, reached by pressing what a customer presses: for axe, for pictures and for budgets."""
