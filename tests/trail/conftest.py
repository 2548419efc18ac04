"""What the tests of this folder share. Models are imported late: this file may be read before Django is set up."""

from __future__ import annotations

from datetime import datetime

import pytest


def hear(booking_id: int, now: datetime) -> None:
    """A listener as bookings has it: raise the counter, due at once."""
    from django.db.models import F

    from bookings.models import Booking

    Booking.objects.filter(pk=booking_id).update(wakes=F("wakes") + 1, due_at=now)


@pytest.fixture(autouse=True)
def only_our_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hear every message once, whoever else listens in the running site."""
    from payments import listeners as payment_listeners
    from suppliers import listeners as supplier_listeners

    monkeypatch.setattr(payment_listeners, "_subscribers", [hear])
    monkeypatch.setattr(supplier_listeners, "_subscribers", [hear])
