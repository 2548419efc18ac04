"""The steps of `decide`, as a table: what each asks the outside world and what the answer means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bookings.flow import ASKING, Step
from bookings.steps import attach, cancel, flights, local, money, orders, reserved
from bookings.steps.plan import Answer, Asking, Moment, outcome_of
from fly2any.kernel import faultpoints


@dataclass(frozen=True)
class Spec:
    """How one step is asked and merged. `inked`: it may change something outside, so it is written down first."""

    ask: Callable[[Moment, str], Asking]
    merge: Callable[[Moment, Answer], None]
    inked: bool


STEPS: dict[Step, Spec] = {
    Step.REPRICE: Spec(orders.ask_reprice, orders.merge_reprice, inked=False),
    Step.CREATE_ORDER: Spec(orders.ask_create_order, orders.merge_create_order, inked=True),
    Step.FIND_ORDER: Spec(orders.ask_find_order, orders.merge_find_order, inked=False),
    Step.LOOK_ORDER: Spec(orders.ask_look_order, reserved.merge_look_order, inked=False),
    Step.PAY_ORDER: Spec(orders.ask_pay_order, orders.merge_pay_order, inked=True),
    Step.LOOK_PAID: Spec(orders.ask_look_paid, orders.merge_look_paid, inked=False),
    Step.QUOTE_CANCEL: Spec(cancel.ask_quote_cancel, cancel.merge_quote_cancel, inked=True),
    Step.CONFIRM_CANCEL: Spec(cancel.ask_confirm_cancel, cancel.merge_confirm_cancel, inked=True),
    Step.ACCEPT_CHANGE: Spec(flights.ask_accept_change, flights.merge_accept_change, inked=True),
    Step.OPEN_PAYMENT: Spec(money.ask_open_payment, money.merge_open_payment, inked=True),
    Step.LOOK_PAYMENT: Spec(money.ask_look_payment, money.merge_look_payment, inked=False),
    Step.CAPTURE: Spec(money.ask_capture, money.merge_capture_or_void, inked=True),
    Step.VOID: Spec(money.ask_void, money.merge_capture_or_void, inked=True),
    Step.SEND_REFUND: Spec(money.ask_send_refund, money.merge_send_refund, inked=True),
    Step.ATTACH_ORDER: Spec(attach.ask_attach_order, attach.merge_attach_order, inked=False),
    Step.LOOK_REFUND: Spec(money.ask_look_refund, money.merge_look_refund, inked=False),
}
LOCAL_STEPS: dict[Step, Callable[[Moment, str], None]] = {
    Step.CLOSE: local.close,
    Step.GIVE_UP_ORDER: local.give_up_order,
    Step.ORDER_FAILED: local.order_failed,
    Step.REQUEST_REFUND: local.request_refund,
    Step.KEEP_BOOKED: local.keep_booked,
    Step.BACK_TO_HOLD: local.back_to_hold,
    Step.CANCEL_CHANGED: flights.cancel_changed,
    Step.ANSWER_LOST: reserved.answer_lost,
    Step.STOP_CARD: reserved.stop_card,
    Step.LAPSE: reserved.lapse,
}

for _step in ASKING:
    faultpoints.register_call(_step.value)

__all__ = ["LOCAL_STEPS", "STEPS", "Answer", "Asking", "Moment", "Spec", "outcome_of"]
