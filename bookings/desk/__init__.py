"""What staff may do, and the one way to do it. The console draws these; it decides nothing itself."""

from __future__ import annotations

from bookings.desk import attach, by_hand, casework, customers, money, orders, system, tickets
from bookings.desk.action import Action, By, Done, Mail, Params, Plan, Situation
from bookings.desk.customers import Document, documents_of
from bookings.desk.doing import decide_proposal, do, situation_of

ACTIONS: dict[str, Action] = {action.name: action for action in (
    *casework.LOOKS, *money.ACTIONS, *orders.ACTIONS, *tickets.ACTIONS, *attach.ACTIONS,
    *by_hand.ACTIONS, *customers.ACTIONS, *casework.ACTIONS,
    *system.ACTIONS)}

__all__ = ["ACTIONS", "Action", "By", "Document", "Done", "Mail", "Params", "Plan", "Situation", "decide_proposal",
           "do", "documents_of", "situation_of"]
