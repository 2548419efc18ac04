"""The control: with a promise broken on purpose the machine finds it, and says within how many steps (-m slow)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest

from bookings import advance, services
from bookings.flow import Decision, Do, Facts, Step
from bookings.steps import STEPS, money, orders
from bookings.steps.plan import UNKNOWN, Answer, Asking, Moment
from fly2any.kernel.money import Money
from payments import registry
from payments.types import PaymentState
from suppliers.models import OfferClaim
from suppliers.types import OrderState
from tests.property.lot import walked
from tests.property.tally import Tally
from tests.property.universe import Universe

pytestmark = pytest.mark.slow
WALKS, STEPS_OF_ONE = 80, 60


@contextmanager
def capture_before_the_ticket() -> Iterator[None]:
    """The money is taken as soon as the card is good."""
    real = advance.decide

    def eager(f: Facts, now: Any) -> Decision:
        ready = f.payment and f.payment.state is PaymentState.AUTHORISED and f.order and f.order.state is OrderState.HELD
        return Do(Step.CAPTURE) if ready else real(f, now)

    def ask(moment: Moment, value: str) -> Asking:
        payment, order = money.payment_of(moment.story), moment.story.order
        payment.order = order
        money.move(moment, PaymentState.CAPTURING)
        payment.save()
        gateway, intent, amount = registry.gateway(), payment.external_id, Money(payment.amount_minor, payment.currency)
        return Asking(Step.CAPTURE, money.subject_of(moment.story),
                      lambda: gateway.capture(intent, amount=amount, key=f"cap:{payment.pk}"), key=f"cap:{payment.pk}")

    spec = dataclasses.replace(STEPS[Step.CAPTURE], ask=ask)
    with mock.patch.object(advance, "decide", eager), mock.patch.dict(STEPS, {Step.CAPTURE: spec}):
        yield


@contextmanager
def unknown_is_failed() -> Iterator[None]:
    """No answer is taken for a no."""
    real = orders.merge_create_order

    def merge(moment: Moment, answer: Answer) -> None:
        if answer.outcome == UNKNOWN:
            orders.not_created(moment, "order_not_created", answer.error)
        else:
            real(moment, answer)

    with mock.patch.dict(STEPS, {Step.CREATE_ORDER: dataclasses.replace(STEPS[Step.CREATE_ORDER], merge=merge)}):
        yield


@contextmanager
def cancelling_frees_the_offer() -> Iterator[None]:
    """Others may book it while its order still lives."""
    real = services.cancel_locked

    def cancel(fresh: Any, clock: Any, **more: Any) -> None:
        real(fresh, clock, **more)
        OfferClaim.objects.filter(booking=fresh).delete()

    with mock.patch.object(services, "cancel_locked", cancel):
        yield


@pytest.mark.parametrize("breakage", [capture_before_the_ticket, unknown_is_failed, cancelling_frees_the_offer])
def test_the_machine_finds_what_is_broken_on_purpose(
        world_of_one_process: Universe, breakage: Callable[[], Any]) -> None:
    tally = Tally()
    with breakage(), pytest.raises(AssertionError):
        walked(world_of_one_process, tally, seed=1, walks=WALKS, steps=STEPS_OF_ONE, shrink=False)
    print(f"{breakage.__name__}: found after {tally.steps} steps")
    assert tally.steps > 0
