"""Who asks, and what they may see: the one place for every access check. A stranger gets 404, never 403."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase

from bookings import limits, outbox
from bookings.models import AccessLink, Booking
from bookings.status import Status
from fly2any.kernel import references
from fly2any.kernel.errors import Problem

GUEST_LIFE = timedelta(days=400)  # the longest that browsers keep a cookie
GRANT_LIFE = timedelta(hours=24)
MOST_GRANTS = 20
MOST_LINKS = 5
LOOKUPS, LOOKUP_WINDOW = 5, timedelta(minutes=15)
_SALT = "fly2any.guest"
_PORT = re.compile(r"^(?:(\d+(?:\.\d+){3}):\d{1,5}|\[([^\]]*)\](?::\d{1,5})?)$")  # some proxies write the port too


class Principal(str):
    """"user:<id>" or "guest:<sha256 of the cookie>", with what else this visitor has been let into.

    `also` are other principals the same visitor is (the guest of this browser, once signed in); `granted` are
    primary keys of bookings opened by reference and e-mail or by a link from a mail.
    """

    also: tuple[str, ...] = ()
    granted: frozenset[int] = frozenset()


def principal_of(request: HttpRequest) -> Principal:
    """Who asks. A visitor without a cookie becomes a new guest, whose cookie `ensure_guest` sets."""
    known = getattr(request, "_principal", None)
    if isinstance(known, Principal):
        return known
    guest, granted = _read_cookie(request)
    user = request.user
    if user.is_authenticated:
        principal = Principal(f"user:{user.pk}")
        principal.also = (_guest_principal(guest),) if guest else ()
    else:
        guest = guest or _new_guest(request)
        principal = Principal(_guest_principal(guest))
    principal.granted = granted
    request._principal = principal  # type: ignore[attr-defined]
    return principal


def read_as_owner(request: HttpRequest, booking: Booking) -> None:
    """Let this request, which the console makes by itself, see one booking as its owner does; sets no cookie."""
    principal = Principal(booking.principal)
    principal.granted = frozenset({booking.pk})
    request._principal = principal  # type: ignore[attr-defined]


def ensure_guest(request: HttpRequest, response: HttpResponseBase) -> None:
    """Set the guest cookie when this visitor is new or has been let into a booking."""
    value = getattr(request, "_new_guest_cookie", None)
    if value is not None:
        response.set_cookie(settings.GUEST_COOKIE_NAME, value, max_age=GUEST_LIFE, path="/", secure=settings.HTTPS,
                            httponly=True, samesite="Lax")


def visible_to(principal: str) -> Q:
    """The bookings (and drafts) this visitor may see, as a filter on Booking."""
    names, granted = keys_to(principal)
    mine = Q(principal__in=names)
    return mine | Q(pk__in=granted) if granted else mine


def keys_to(principal: str) -> tuple[list[str], list[int]]:
    """The same as plain values: principals whose bookings this visitor may see, and primary keys opened to them."""
    if not isinstance(principal, Principal):
        return [principal], []
    return [str(principal), *principal.also], sorted(principal.granted)


def owns(principal: str, row_principal: str) -> bool:
    """Whether a row that carries `row_principal` (a search, an offer) belongs to this visitor."""
    return row_principal == principal or (isinstance(principal, Principal) and row_principal in principal.also)


def address_of(request: HttpRequest) -> str:
    """The client's address. X-Forwarded-For counts only as far as proxies of ours wrote it (TRUSTED_PROXIES)."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
        if len(hops) >= settings.TRUSTED_PROXIES:
            address = hops[-settings.TRUSTED_PROXIES]
    try:
        found = ipaddress.ip_address(_PORT.sub(r"\1\2", address))
    except ValueError:
        return "unknown"
    if found.version == 6 and found.ipv4_mapped:  # how a dual-stack socket writes an IPv4 address
        return str(found.ipv4_mapped)
    if found.version == 6:  # one customer holds a whole /64
        return str(ipaddress.ip_network(f"{found}/64", strict=False).network_address)
    return str(found)


def counted_address(request: HttpRequest) -> str | None:
    """The same for django-axes, whose column takes nothing but an address."""
    address = address_of(request)
    return None if address == "unknown" else address


# --- later access (design.md 7) ---------------------------------------------------------------------------------


def grant(request: HttpRequest, *, reference: str, email: str, now: datetime) -> Booking:
    """Open a booking by reference **and** contact e-mail for this browser (`ensure_guest` carries the grant).

    5 tries per 15 minutes for an address and for a reference; the same Problem not_found for wrong and for unknown.
    """
    asked = references.normalise(reference[:40])
    limits.count("lookup-address", address_of(request), per=LOOKUP_WINDOW, limit=LOOKUPS, now=now)
    limits.count("lookup-reference", asked or reference[:40].upper(), per=LOOKUP_WINDOW, limit=LOOKUPS, now=now)
    booking = Booking.objects.exclude(status=Status.DRAFT).filter(reference=asked or "-").first()
    stored = booking.contact_email if booking else "nobody@example.invalid"
    right = secrets.compare_digest(_digest(stored.casefold()), _digest(email.strip().casefold()))
    if booking is None or not right:
        raise Problem("not_found", "We found no booking with this reference and e-mail address.", status=404,
                      action="Check both", tip="The reference looks like FLY2A-7KQ2MX.")
    let_in(request, [booking.pk], now=now)
    return booking


def follow(request: HttpRequest, *, token: str, now: datetime) -> Booking:
    """Open a booking by the link of a mail for this browser. Problem not_found for a wrong or expired one."""
    count_link(request, now)
    link = (AccessLink.objects.select_related("booking")
            .filter(token_hash=_digest(token[:200]), expires_at__gt=now).first())
    if link is None:
        raise Problem("not_found", "This link is not valid any more.", status=404, action="Ask for a new one")
    let_in(request, [link.booking_id], now=now)
    return link.booking


def count_link(request: HttpRequest, now: datetime) -> None:
    """One try of a link from a mail: 30 in a quarter of an hour and address (the links have 128 bits at least)."""
    limits.count("link-address", address_of(request), per=LOOKUP_WINDOW, limit=30, now=now)


def mail_links(request: HttpRequest, *, email: str, now: datetime) -> None:
    """Mail a link for each of the newest bookings of this address (there may be none: the reply is the same)."""
    limits.count("mail-links-address", address_of(request), per=LOOKUP_WINDOW, limit=LOOKUPS, now=now)
    limits.count("mail-links-email", email.strip().casefold(), per=LOOKUP_WINDOW, limit=LOOKUPS, now=now)
    found = (Booking.objects.exclude(status=Status.DRAFT).filter(contact_email__iexact=email.strip())
             .order_by("-created_at", "pk")[:MOST_LINKS])
    with transaction.atomic(durable=True):
        for booking in found:
            outbox.queue("lookup_link", booking, now, version=secrets.token_hex(8))
        if not found:  # written too, and dropped when it is due: both answers take as long
            outbox.queue("lookup_link", None, now, version=secrets.token_hex(8), context={"user": 0})


def let_in(request: HttpRequest, bookings: Iterable[int], *, now: datetime) -> None:
    """Let this browser see these bookings (primary keys) for 24 hours; kept in its signed cookie."""
    principal = principal_of(request)
    until = int((now + GRANT_LIFE).timestamp())
    raw = _load(request)
    kept = {**raw.get("seen", {}), **{str(pk): until for pk in bookings}}
    newest = dict(sorted(kept.items(), key=lambda item: -item[1])[:MOST_GRANTS])
    token = getattr(request, "_guest_token", "") or raw.get("id", "") or secrets.token_urlsafe(24)
    _write_cookie(request, token, newest)
    principal.granted = principal.granted | frozenset(int(pk) for pk in newest)


# --- the cookie -------------------------------------------------------------------------------------------------


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _guest_principal(token: str) -> str:
    return f"guest:{_digest(token)}"


def _load(request: HttpRequest) -> dict[str, Any]:
    text = request.COOKIES.get(settings.GUEST_COOKIE_NAME, "")
    if not text:
        return {}
    try:
        raw = signing.loads(text, salt=_SALT)
    except (signing.BadSignature, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _read_cookie(request: HttpRequest) -> tuple[str, frozenset[int]]:
    """The guest's token ("" for a new one) and the bookings opened for this browser that are not yet due again."""
    raw = _load(request)
    seen = raw.get("seen", {})
    if not seen:
        return raw.get("id", ""), frozenset()
    from fly2any.kernel import clock

    present = clock.now().timestamp()
    return raw.get("id", ""), frozenset(int(pk) for pk, until in seen.items() if until > present)


def _new_guest(request: HttpRequest) -> str:
    token = secrets.token_urlsafe(24)
    request._guest_token = token  # type: ignore[attr-defined]
    _write_cookie(request, token, {})
    return token


def _write_cookie(request: HttpRequest, token: str, seen: dict[str, int]) -> None:
    raw: dict[str, Any] = {"id": token, **({"seen": seen} if seen else {})}
    request._new_guest_cookie = signing.dumps(raw, salt=_SALT)  # type: ignore[attr-defined]
