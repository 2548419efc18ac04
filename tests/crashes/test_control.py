"""Controls: a product that is broken on purpose is noticed by the campaign, at the very points that are about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

if TYPE_CHECKING:
    from tests.crashes.stage import Stage

pytestmark = pytest.mark.slow
Broken = Callable[[pytest.MonkeyPatch], None]


def no_ink(patch: pytest.MonkeyPatch) -> None:
    """The commit before the call is left out: nothing is written down until the airline has answered."""
    import bookings.advance
    from bookings.flow import Step
    from bookings.models import ExternalCall
    from suppliers.models import SupplierOrder

    real = bookings.advance._ask

    def unwritten(asking: Any, call_id: int | None, at: Any) -> Any:
        if asking.step is not Step.CREATE_ORDER:
            return real(asking, call_id, at)
        rows = [ExternalCall.objects.get(pk=call_id), SupplierOrder.objects.get()]
        _past_all_checks(lambda: [row._meta.model.objects.filter(pk=row.pk)._raw_delete("default") for row in rows])
        answer = real(asking, call_id, at)
        _past_all_checks(lambda: [row.save(force_insert=True) for row in reversed(rows)])
        return answer

    patch.setattr(bookings.advance, "_ask", unwritten)


def _past_all_checks(work: Callable[[], object]) -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        work()


def no_look(patch: pytest.MonkeyPatch) -> None:
    """An order whose answer was lost is simply asked for once more."""
    import bookings.advance
    from bookings.flow import Do, Step

    real = bookings.advance.decide

    def careless(facts: Any, now: Any) -> Any:
        decision = real(facts, now)
        return Do(Step.CREATE_ORDER) if isinstance(decision, Do) and decision.step is Step.FIND_ORDER else decision

    patch.setattr(bookings.advance, "decide", careless)


def forgetful_rotation(patch: pytest.MonkeyPatch) -> None:
    """The rotation notes that it has come further before it has."""
    from bookings.management.commands.rotate_field_keys import Command

    real = Command._column

    def ahead(self: Any, place: Any, model: Any, column: str, what: str) -> None:
        rows = model._default_manager.exclude(**{column: ""}).order_by("pk").values_list("pk", flat=True)
        after = place.note["after"]
        place.note["after"] = max([after, *rows[:4]])
        self._save(place)
        place.note["after"] = after
        real(self, place, model, column, what)

    patch.setattr(Command, "_column", ahead)


def lost_wake(patch: pytest.MonkeyPatch) -> None:
    """The wish is written and its booking is not made due: only the hint would bring a worker."""
    import bookings.services
    from bookings.models import Booking

    real = bookings.services._save

    def hinted(booking: Any, now: Any) -> None:
        real(booking, now)
        Booking.objects.filter(pk=booking.pk).update(due_at=None)

    patch.setattr(bookings.services, "_save", hinted)


def unknown_is_failed(patch: pytest.MonkeyPatch) -> None:
    """No answer to the order's creation is taken for a no."""
    from bookings.flow import Step
    from bookings.steps import STEPS, orders
    from bookings.steps.plan import UNKNOWN

    real = STEPS[Step.CREATE_ORDER]

    def merge(moment: Any, answer: Any) -> None:
        if answer.outcome == UNKNOWN:
            orders.not_created(moment, "order_not_created", answer.error)
        else:
            real.merge(moment, answer)

    patch.setitem(STEPS, Step.CREATE_ORDER, replace(real, merge=merge))


@pytest.mark.parametrize(("breaking", "key", "noticed"), [
    (no_ink, "hold_first/1/call.create_order.answered#1:kill/sweeper", "orders were asked for"),
    (no_look, "hold_first/1/call.create_order.answered#1:kill/sweeper", "offer_has_one_live_order"),
    (forgetful_rotation, "new_keys/0/commit.rotation.after#1:kill/sweeper", "still under an older key"),
    (lost_wake, "hold_first/0/commit.wish.after#1:kill/sweeper", "nobody will come"),
    (unknown_is_failed, "hold_first/1/call.create_order.before#1:reset_after/sweeper", "reads FAILED while"),
])
def test_a_product_that_is_broken_on_purpose_is_noticed(stage: Stage, breaking: Broken, key: str, noticed: str) -> None:
    """With the product whole the same run loses nothing; broken, the rehearsal holds and the fault finds it."""
    from tests.crashes import housework, journeys
    from tests.crashes.campaign import Item, Play

    assert housework
    item, found = Item.read(key), list[list[str]]()
    for broken in (False, True):
        stage.clear()
        play = Play(stage, item.scene, journeys.SCENES[item.scene])
        with pytest.MonkeyPatch.context() as patch:
            if broken:
                breaking(patch)
            play.rehearse()
            found.append(play.run(item).problems)
    assert found[0] == [], "the whole product"
    assert any(noticed in problem for problem in found[1][:-1]), found[1]
