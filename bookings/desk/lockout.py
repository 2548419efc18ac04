"""Wrong passwords and codes of staff: who is kept waiting, and why nobody can keep a colleague out for ever.

Three measures, all from django-axes' own rows. A name at an address: 5 failures, 15 minutes (axes itself). A name from
everywhere: 20 in an hour. An address with any name: 30 in 15 minutes. The two wide ones spare a name at an address
from which it has signed in within 30 days: a stranger who tries and tries keeps out strangers, not the colleague at
their own desk. Wrong codes of the second factor count too, and a name may try 10 an hour; whoever tries these knows the
password already. A manager lifts what counts against a colleague, or against an address.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpRequest

from bookings.models import StaffAction
from fly2any.kernel import keys

A_NAME, NAME_WINDOW = 20, timedelta(hours=1)
AN_ADDRESS, ADDRESS_WINDOW = 30, timedelta(minutes=15)
CODES, CODES_WINDOW = 10, timedelta(hours=1)
PAIR_WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=30)
CODE_PATH = "/admin/second-factor/"
LIFTED, ADDRESS_LIFTED = "lift_lock", "lift_address"
MOST = 10_000  # failures looked at for the list of people
MOST_ADDRESSES = 50  # locked addresses on the page of people


@dataclass(frozen=True)
class Lock:
    """What is locked, in words, and until when at the latest if nothing more happens (UTC)."""

    what: str
    until: datetime


def at_password(name: str, address: str | None, now: datetime) -> Lock | None:
    """Why this name may not try a password from this address now, beside axes' own five; None when it may."""
    known = AccessLog.objects.filter(username=name, ip_address=address, attempt_time__gt=now - KNOWN_FOR).exists()
    return None if known else by_name(name, now) or _by_address(address, now)


def at_code(user: User, now: datetime) -> Lock | None:
    """Why this person may not try a code now; None when they may."""
    return _window("codes", AccessFailureLog.objects.filter(username=user.username, path_info__startswith=CODE_PATH),
                   CODES, max(now - CODES_WINDOW, _lifted(user.username, now)), CODES_WINDOW)


def pair_is_locked(request: HttpRequest, name: str) -> bool:
    """Whether axes refuses this name at the address that the request comes from."""
    return not AxesProxyHandler.is_allowed(request, {"username": name})


def wrong_code(request: HttpRequest, user: User) -> None:
    """Count a wrong code like a wrong password."""
    user_login_failed.send(sender=__name__, credentials={"username": user.username}, request=request)


def by_name(name: str, now: datetime) -> Lock | None:
    """The lock on a name from addresses where it is not known."""
    return _window("name", AccessFailureLog.objects.filter(username=name), A_NAME,
                   max(now - NAME_WINDOW, _lifted(name, now)), NAME_WINDOW)


def pairs(names: list[str], now: datetime) -> dict[str, list[tuple[str, Lock]]]:
    """For each of these names the addresses at which axes refuses it now."""
    rows = (AccessAttempt.objects.filter(username__in=names, attempt_time__gt=now - PAIR_WINDOW)
            .values_list("username", "ip_address")
            .annotate(failures=Sum("failures_since_start"), last=Max("attempt_time")))
    found: dict[str, list[tuple[str, Lock]]] = {}
    for name, address, failures, last in rows:
        if failures >= settings.AXES_FAILURE_LIMIT:
            found.setdefault(name, []).append((address or "an unknown address", Lock("pair", last + PAIR_WINDOW)))
    return found


def failures(people: list[User], now: datetime) -> Counter[str]:
    """By name: how many passwords and codes were wrong within the hour and count still. Two queries."""
    lifted = dict(StaffAction.objects.filter(verb=LIFTED, at__gt=now - NAME_WINDOW).order_by("at")
                  .values_list("subject", "at"))
    since = {user.username: lifted.get(f"user:{user.pk}", now - NAME_WINDOW) for user in people}
    rows = (AccessFailureLog.objects.filter(username__in=list(since), attempt_time__gt=now - NAME_WINDOW)
            .order_by().values_list("username", "attempt_time")[:MOST])
    return Counter(name for name, at in rows if at > since[name or ""])


def forget(user: User) -> None:
    """What the lifting of a lock deletes; what axes logged stays, and counts no more once the StaffAction is there."""
    AccessAttempt.objects.filter(username=user.username).delete()


def addresses(now: datetime) -> dict[str, tuple[str, Lock]]:
    """The addresses that are locked whatever the name: by their mark, the address and its lock. Few queries."""
    rows = (AccessFailureLog.objects.filter(attempt_time__gt=now - ADDRESS_WINDOW).exclude(ip_address=None)
            .order_by().values("ip_address").annotate(many=Count("pk")).filter(many__gte=AN_ADDRESS))
    named = [str(row["ip_address"]) for row in rows[:MOST_ADDRESSES]]
    return {mark_of(one): (one, lock) for one in named if (lock := _by_address(one, now))}


def mark_of(address: str) -> str:
    """What an audit line keeps for ever of an address: 64 bits that tell it to nobody without SECRET_KEY."""
    return keys.keyed_digest(settings.SECRET_KEY, ["address", address])[:16]


def _by_address(address: str | None, now: datetime) -> Lock | None:
    if address is None:
        return None
    lifted = StaffAction.objects.filter(
        verb=ADDRESS_LIFTED, subject=f"address:{mark_of(address)}", at__gt=now - ADDRESS_WINDOW)
    since = lifted.order_by("-at").values_list("at", flat=True).first() or now - ADDRESS_WINDOW
    return _window("address", AccessFailureLog.objects.filter(ip_address=address), AN_ADDRESS, since, ADDRESS_WINDOW)


def _window(what: str, rows: QuerySet, limit: int, since: datetime, length: timedelta) -> Lock | None:
    """The lock when `limit` rows are younger than `since`; it ends when the oldest of the newest `limit` leaves."""
    times = list(rows.filter(attempt_time__gt=since).order_by("-attempt_time")
                 .values_list("attempt_time", flat=True)[:limit])
    return Lock(what, times[-1] + length) if len(times) == limit else None


def _lifted(name: str, now: datetime) -> datetime:
    """When a manager last lifted this name's locks within the hour."""
    user = User.objects.filter(username=name, is_staff=True).only("pk").first()
    lifted = user and (StaffAction.objects.filter(verb=LIFTED, subject=f"user:{user.pk}", at__gt=now - NAME_WINDOW)
                       .order_by("-at").values_list("at", flat=True).first())
    return lifted or now - NAME_WINDOW
