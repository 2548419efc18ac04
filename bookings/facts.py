"""Load the rows of one booking, a fixed number of queries, and draw the picture that `decide` looks at."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Q

from bookings.flow import (
    CallFacts,
    Facts,
    OrderFacts,
    PaymentFacts,
    RefundFacts,
    Route,
    Step,
    Wish,
)
from bookings.models import Booking, Case, ExternalCall
from payments.models import Payment, Refund
from payments.types import DESK, PaymentState, RefundState
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

# a refund that was sent again may come back again: that healed case says nothing about the new one. Money that is to be
# given by hand is owed until that is recorded, whoever closed the case
AFRESH = Q(kind="refund_failed", closed_at__isnull=False, closed_by=None) | Q(kind="refund_by_hand",
                                                                              closed_at__isnull=False)


@dataclass
class Story:
    """The rows of one booking while it is driven. Orders and payments in the order they were made."""

    booking: Booking
    orders: list[SupplierOrder] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    calls: dict[tuple[str, str], ExternalCall] = field(default_factory=dict)
    cases: set[str] = field(default_factory=set)

    @property
    def order(self) -> SupplierOrder | None:
        """The last order asked for."""
        return self.orders[-1] if self.orders else None

    @property
    def payment(self) -> Payment | None:
        """The last payment."""
        return self.payments[-1] if self.payments else None

    def call(self, step: Step, subject: str) -> ExternalCall | None:
        """The row of this deed about this subject."""
        return self.calls.get((step.value, subject))

    def picture(self) -> Facts:
        """Everything `decide` and `status` may know."""
        b = self.booking
        return Facts(
            wish=Wish(b.wish), route=Route(b.route), accepted_minor=b.accepted_minor,
            wished_at=b.wished_at or b.created_at, offer_expires_at=b.offer_expires_at, priced_minor=b.priced_minor,
            priced_at=b.priced_at, offer_gone=b.offer_gone, closing=b.closing, window_ends_at=b.window_ends_at,
            chose_hold=b.chose_hold, agreed_refund_minor=b.agreed_refund_minor, quote_wanted=b.quote_wanted,
            card_wanted=b.card_wanted,
            reprice=self._call(Step.REPRICE, f"booking:{b.pk}"), order=self._order(), payment=self._payment(),
            refunds=tuple(self._refund(r) for r in self.refunds), cases=frozenset(self.cases),
        )

    def _call(self, step: Step, subject: str, attempts: int | None = None) -> CallFacts:
        row = self.call(step, subject)
        if row is None:
            return CallFacts()
        return CallFacts(attempts=attempts or row.attempts, outcome=row.outcome, code=row.code, retry_at=row.retry_at,
                         first_failed_at=row.first_failed_at)

    def _order(self) -> OrderFacts | None:
        o = self.order
        if o is None:
            return None
        subject = f"order:{o.pk}"
        quote = self._call(Step.QUOTE_CANCEL, subject)
        change = o.flight_change
        return OrderFacts(
            state=OrderState(o.state), hold=o.hold, total_minor=o.total_minor + self.booking.fee_minor,
            cost_minor=o.total_minor, asked_at=o.asked_at,
            known=bool(o.external_id), by_locator=o.by_locator, looked_at=o.looked_at,
            news_at=o.news_at, pay_by=o.pay_by, lapses_at=o.lapses_at,
            void_until=o.void_until, ticketed_at=o.ticketed_at, failed_notice_at=o.failed_notice_at,
            watch_until=o.watch_until, has_tickets=bool(o.tickets), refusal=o.refusal, changed=o.changed,
            quote_id=o.quote_id, quote_refund_minor=o.quote_refund_minor, quote_refund_to=o.quote_refund_to,
            quote_expires_at=o.quote_expires_at, quote_refusal=quote.code if quote.outcome == "refused" else "",
            change_answer=o.change_answer, change_taken=change.get("taken", ""),
            change_acceptable="accept" in change.get("actions", ()), change_answer_by=o.change_answer_by,
            change_answered_at=o.change_answered_at,
            accept=self._call(Step.ACCEPT_CHANGE, o.change_subject),
            create=self._call(Step.CREATE_ORDER, subject, attempts=len(self.orders)),
            pay=self._call(Step.PAY_ORDER, subject), quote=quote, cancel=self._call(Step.CONFIRM_CANCEL, subject),
            look=self._call(Step.LOOK_ORDER, subject),
            attach=self._call(Step.ATTACH_ORDER, subject) if o.attach_id else None,
        )

    def _payment(self) -> PaymentFacts | None:
        p = self.payment
        if p is None:
            return None
        subject = f"payment:{p.pk}"
        return PaymentFacts(
            state=PaymentState(p.state), amount_minor=p.amount_minor, captured_minor=p.captured_minor,
            refunded_minor=p.refunded_minor, asked_at=p.asked_at, known=bool(p.external_id), looked_at=p.looked_at,
            news_at=p.news_at, authorised_at=p.authorised_at, declines=sum(q.declines for q in self.payments),
            needs_customer=p.needs_customer, disputed=p.disputed, elsewhere=p.captured_elsewhere,
            has_order=p.order_id is not None, desk=p.provider == DESK, by_hand_minor=p.by_hand_minor,
            by_hand_before_minor=p.by_hand_before_minor, create=self._call(Step.OPEN_PAYMENT, subject),
            capture=self._call(Step.CAPTURE, subject), void=self._call(Step.VOID, subject),
            look=self._call(Step.LOOK_PAYMENT, subject),
        )

    def _refund(self, r: Refund) -> RefundFacts:
        return RefundFacts(
            id=r.pk, state=RefundState(r.state), amount_minor=r.amount_minor, known=bool(r.external_id),
            cause=r.cause, requested_at=r.requested_at, looked_at=r.looked_at, news_at=r.news_at, sent_at=r.sent_at,
            send=self._call(Step.SEND_REFUND, f"refund:{r.pk}"),
        )


def load(booking: Booking) -> Story:
    """The story of a booking: at most five queries however long it is."""
    calls = ExternalCall.objects.filter(booking=booking)
    payments = list(Payment.objects.filter(booking=booking).order_by("pk"))
    captured = [payment.pk for payment in payments if payment.captured_minor]
    return Story(
        booking=booking,
        orders=list(SupplierOrder.objects.filter(booking=booking).order_by("pk")),
        payments=payments,
        refunds=list(Refund.objects.filter(payment__in=captured).order_by("pk")) if captured else [],
        calls={(call.kind, call.subject): call for call in calls},
        cases=set(Case.objects.filter(booking=booking).exclude(AFRESH).values_list("kind", flat=True)),
    )
