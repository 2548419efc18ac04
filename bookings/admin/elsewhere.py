"""Links to the vendors' own pages of an object: Stripe's dashboard, Duffel's when the settings name it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from bookings.facts import Story
from bookings.models import Case
from payments.inbox import live_keys
from payments.models import Dispute

STRIPE = "https://dashboard.stripe.com"
STRIPE_PAGES = {"pi_": "payments", "ch_": "payments", "re_": "refunds", "dp_": "disputes", "du_": "disputes",
                "evt_": "events"}


@dataclass(frozen=True)
class Link:
    """A page outside, opened in a new tab."""

    word: str
    address: str


def links_of(story: Story, disputes: Iterable[Dispute] = ()) -> list[Link]:
    """The vendors' pages of everything that stands for this booking. Stripe's sandbox has none."""
    found = [duffel(order.external_id, order.supplier) for order in story.orders]
    found += [stripe(payment.external_id) for payment in story.payments]
    found += [stripe(refund.external_id) for refund in story.refunds]
    found += [stripe(dispute.external_id) for dispute in disputes]
    return [link for link in found if link is not None]


def links_to(case: Case) -> list[Link]:
    """The vendor's page of the object that a case without a booking is about."""
    vendor, _, external_id = case.subject.partition(":")
    link = stripe(external_id) if vendor == "stripe" else duffel(external_id, vendor)
    return [link] if link is not None else []


def stripe(external_id: str) -> Link | None:
    """Stripe's page of a payment, refund, dispute or event; test or live as our key is."""
    kind = next((page for start, page in STRIPE_PAGES.items() if external_id.startswith(start)), "")
    if settings.STRIPE_IS_SANDBOX or not kind:
        return None
    mode = "" if live_keys() else "/test"
    return Link(f"Stripe: {kind.removesuffix('s')} {external_id}", f"{STRIPE}{mode}/{kind}/{external_id}")


def duffel(external_id: str, supplier: str) -> Link | None:
    """Duffel's page of an order, when DUFFEL_DASHBOARD names our organisation's pages."""
    if supplier != "duffel" or not external_id.startswith("ord_") or not settings.DUFFEL_DASHBOARD:
        return None
    mode = "live" if settings.DUFFEL_ACCESS_TOKEN.startswith("duffel_live_") else "test"
    return Link(f"Duffel: order {external_id}", f"{settings.DUFFEL_DASHBOARD.rstrip('/')}/{mode}/orders/{external_id}")
