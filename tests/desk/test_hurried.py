"""Resume does not wait for the next try of what undoes; what makes an order is never hurried."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookings.desk.casework import HURRIED
from bookings.flow import Step
from bookings.models import ExternalCall
from fly2any.kernel import clock
from tests.console import rows
from tests.desk.pressing import Desk


@pytest.mark.django_db(transaction=True)
def test_resume_tries_again_at_once_what_waits_but_never_an_order() -> None:
    booking = rows.booking(parked_at=clock.now())
    later = clock.now() + timedelta(minutes=30)
    for step, outcome in ((Step.SEND_REFUND, "unavailable"), (Step.VOID, "refused"), (Step.CREATE_ORDER, "unavailable")):
        rows.call(booking, step.value, f"x:{step.value}", outcome=outcome, retry_at=later)
    Desk().press("resume", booking=booking)
    waits = dict(ExternalCall.objects.filter(booking=booking).values_list("kind", "retry_at"))
    assert waits == {"send_refund": None, "void": later, "create_order": later}


def test_nothing_that_buys_is_hurried() -> None:
    assert not {Step.CREATE_ORDER.value, Step.PAY_ORDER.value, Step.OPEN_PAYMENT.value} & set(HURRIED)
