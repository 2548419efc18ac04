"""Disputes: a cardholder complains, the money is withdrawn, the shop answers, somebody wins."""

from __future__ import annotations

from sandbox.stripe import events, intents, shapes
from sandbox.stripe.desk import Desk, Doc, new_id, public
from sandbox.stripe.errors import StripeError

_CLOSED = ("won", "lost", "warning_closed")
_VERDICTS = {"winning_evidence": "won", "losing_evidence": "lost"}


def open_on(desk: Desk, charge: Doc, reason: str, inquiry: bool) -> Doc:
    """Open a dispute on a captured charge; raises StripeError when there is nothing to dispute."""
    if not charge["captured"] or charge["disputed"]:
        raise StripeError(400, f"Charge {charge['id']} cannot be disputed: it is not captured or is disputed already.")
    dispute = shapes.dispute(new_id(desk.world, "du"), desk.now, charge, reason, inquiry)
    charge.update(disputed=True, _refundable=inquiry)
    desk.save(charge)
    desk.save(dispute)
    _note(desk, "created", dispute)
    events.emit(desk, "charge.dispute.created", dispute)
    if not inquiry:
        events.emit(desk, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _note(desk: Desk, what: str, dispute: Doc) -> None:
    desk.note(
        f"dispute.{what}",
        dispute=dispute["id"],
        payment_intent=dispute["payment_intent"],
        charge=dispute["charge"],
        amount=dispute["amount"],
        currency=dispute["currency"],
        status=dispute["status"],
    )


def close(desk: Desk, dispute: Doc, status: str) -> Doc:
    """End a dispute as ``won``, ``lost`` or ``warning_closed``; won money comes back."""
    if dispute["status"] in _CLOSED or status not in _CLOSED:
        raise StripeError(400, f"A dispute that is {dispute['status']} cannot become {status}.")
    before = {"status": dispute["status"]}
    dispute["status"] = status
    desk.save(dispute)
    if status != "lost":
        charge = desk.need("charge", dispute["charge"], "charge")
        charge["_refundable"] = True
        desk.save(charge)
    _note(desk, "closed", dispute)
    events.emit(desk, "charge.dispute.closed", dispute, before)
    if status == "won":
        events.emit(desk, "charge.dispute.funds_reinstated", dispute)
    return dispute


def retrieve(desk: Desk, ident: str) -> Doc:
    """GET /v1/disputes/{id}."""
    return public(desk.need("dispute", ident, "dispute"))


def update(desk: Desk, ident: str) -> Doc:
    """POST /v1/disputes/{id}: evidence and metadata. Stripe's test words decide the case at once."""
    dispute = desk.need("dispute", ident, "dispute")
    evidence = desk.params.get("evidence") or {}
    dispute["evidence"].update({name: value or None for name, value in evidence.items() if name in dispute["evidence"]})
    intents.apply_metadata(dispute, desk.params.get("metadata"))
    if evidence:
        dispute["evidence_details"]["has_evidence"] = True
    desk.save(dispute)
    if evidence and desk.params.get("submit", True):
        dispute["evidence_details"].update(submission_count=1, submission_method="manual")
        if dispute["status"] == "needs_response":
            dispute["status"] = "under_review"
        desk.save(dispute)
    events.emit(desk, "charge.dispute.updated", dispute)
    verdict = _VERDICTS.get(str(evidence.get("uncategorized_text")))
    if verdict and desk.params.get("submit", True) and dispute["status"] not in _CLOSED:
        close(desk, dispute, verdict)
    return public(dispute)
