"""A booking's story in lines, for whoever reads a walk that broke a promise."""

from __future__ import annotations

from bookings.models import Booking, Case


def story(booking: Booking) -> str:
    """The diary and the calls of one booking."""
    lines = [f"{d.at:%d %H:%M:%S} {d.event} {d.subject} {d.before}→{d.after} {d.cause}"
             for d in booking.diary.order_by("pk")]
    calls = [f"   {c.kind} {c.subject} {c.state} {c.outcome} {c.code} attempts {c.attempts} retry {c.retry_at} "
             f"{c.detail}" for c in booking.calls.order_by("pk")]
    cases = [f"   case {c.kind} {c.subject} {c.opened_at:%d %H:%M:%S} closed {c.closed_at} {c.facts}"
             for c in Case.objects.filter(booking=booking).order_by("pk")]
    orders = [f"   order {o.pk} {o.external_id} {o.state} {o.total_minor} looked {o.looked_at} news {o.news_at} "
              f"pay by {o.pay_by} watch {o.watch_until}" for o in booking.orders.order_by("pk")]
    money = [f"   payment {p.pk} {p.external_id} {p.state} {p.amount_minor} captured {p.captured_minor} refunded "
             f"{p.refunded_minor} looked {p.looked_at} news {p.news_at}" for p in booking.payments.order_by("pk")]
    return "\n".join([f"=== {booking.reference} {booking.wish} {booking.status} closing {booking.closing!r} due "
                      f"{booking.due_at} route {booking.route} accepted {booking.accepted_minor}",
                      *lines, *calls, *orders, *money, *cases])
