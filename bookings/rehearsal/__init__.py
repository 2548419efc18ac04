"""Practice: put one booking into each mismatch, with the sandbox playing the airline and the bank."""

from __future__ import annotations

from django.conf import settings

from bookings.rehearsal import outside
from bookings.rehearsal.mismatches import MORE, SCENES, Scene, Staged
from bookings.rehearsal.trips import StageNotSet
from fly2any.kernel.errors import Problem

__all__ = ["MORE", "SCENES", "Scene", "StageNotSet", "Staged", "mend", "rehearse"]


def rehearse(code: str) -> Staged:
    """Set the scene of a mismatch ("M4", or one more: "A1"); messages of the airline and the bank are lost meanwhile.

    Problem live_site where real keys are set; StageNotSet, OutsideRefused when the sandbox plays another piece.
    """
    _practice_only()
    with outside.without_webhooks():
        return (SCENES | MORE)[code].stage()


def mend(code: str) -> bool:
    """Play the person outside who solves their side of it; False when there is none."""
    _practice_only()
    play = (SCENES | MORE)[code].mend
    if play is not None:
        play()
    return play is not None


def _practice_only() -> None:
    if not settings.SANDBOX:
        raise Problem("live_site", "Practice needs the sandbox: this site has real keys.", status=409)
