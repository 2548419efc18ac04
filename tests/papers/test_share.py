"""A shared page shows flights and nothing by which the booking could be found, and only while its owner wants it."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bookings import handover, retention
from bookings.models import Booking, Diary, Share
from fly2any.kernel import clock
from tests.pages.html import alike, read
from tests.papers.trips import booked, crowd, rename, seat

pytestmark = pytest.mark.django_db


def make(guest: Client, booking: Booking, **form: Any) -> str:
    """Fill in the form as a visitor would; returns the address that the page shows."""
    there = f"/trips/{booking.reference}/share"
    page = read(guest.get(there))
    fields = {"key": page.one("input", name="key")["value"], "lasts": "trip", **form}
    answer = guest.post(there, fields)
    assert answer.status_code == 302, answer.content
    return address(guest, answer.headers["Location"])


def address(guest: Client, there: str) -> str:
    found = re.search(r'data-copy="http://127\.0\.0\.1:\d+(/shared/[^"]+)"', guest.get(there).content.decode())
    assert found
    return found[1]


def test_nothing_is_ticked_and_the_page_names_nobody(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    seat(booking)
    form = read(guest.get(f"/trips/{booking.reference}/share"))
    assert "checked" not in form.one("input", name="name")
    there = make(guest, booking)
    answer = Client().get(there)
    text = answer.content.decode()
    assert "AA 6143" in text and "Operated by British Airways" in text and "Confirmed" in text
    for secret in ("Anna", "Müller", "anna@example.com", "4155550100", booking.reference, booking.reference[-6:],
                   "RZPNX8", "125-2106312810", "2106312810", "599", "617", "USD", "4242", "14C", str(booking.public_id),
                   str(booking.offer_id), "ord_", "1990", "Main Cabin", "75.00"):
        assert secret not in text, secret


def test_only_ticked_first_names_are_shown(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    crowd(booking, travellers=3, directions=1, flights=1)
    rename(booking, "Zoë Maria", "Müller")
    text = Client().get(make(guest, booking, name=["0", "2", "77"])).content.decode()
    assert "Zoë, Maximilianec" in text
    for secret in ("Maria", "Müller", "Maximilianeb", "Wolfeschlegelstein", "Featherstonehaugh"):
        assert secret not in text


def test_it_tells_search_engines_and_other_sites_nothing(guest: Client, principal: str) -> None:
    answer = Client().get(make(guest, booked(principal=principal)))
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.cookies == {}
    assert 'name="robots" content="noindex, nofollow"' in answer.content.decode()


def test_wrong_expired_and_revoked_links_are_the_same_404(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    expired, revoked = make(guest, booking, lasts="day"), make(guest, booking)
    old, taken = Share.objects.order_by("pk")
    Share.objects.filter(pk=old.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    assert Client().get(revoked).status_code == 200
    back = guest.post(f"/trips/{booking.reference}/share/revoke", {"share": taken.pk})
    assert "The link no longer works." in read(guest.get(back.headers["Location"])).text
    answers = [Client().get(there) for there in (expired, revoked, "/shared/AAAAAAAAAAAAAAAAAAAAAA/")]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({alike(answer) for answer in answers}) == 1


def test_what_came_to_nothing_is_not_shown_but_a_cancelled_trip_says_so(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    there = make(guest, booking)
    Booking.objects.filter(pk=booking.pk).update(status="CANCELLED")
    assert "This trip is not confirmed: cancelled." in read(Client().get(there)).text
    Booking.objects.filter(pk=booking.pk).update(status="FAILED")
    assert Client().get(there).status_code == 404


def test_the_token_is_stored_as_a_hash_only_and_has_128_bits(guest: Client, principal: str) -> None:
    token = make(guest, booked(principal=principal)).split("/")[2]
    assert len(token) == 22
    (row,) = Share.objects.values()
    assert row["token_hash"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(row)


def test_the_same_press_makes_one_link_and_shows_it_again(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    there, form = f"/trips/{booking.reference}/share", {"key": "6f1e1f6e-50b1-4f24-9e1f-0b1f4d3c2a11", "lasts": "week"}
    first, second = guest.post(there, form).headers["Location"], guest.post(there, form).headers["Location"]
    assert address(guest, first) == address(guest, second)
    assert Share.objects.count() == 1
    lasting = Share.objects.get().expires_at - Share.objects.get().created_at
    assert lasting == timedelta(days=7)
    other = booked(principal="guest:somebody")
    assert handover.token_of(other, form["key"]) != handover.token_of(booking, form["key"])  # type: ignore[arg-type]


def test_by_default_it_lasts_until_the_day_after_the_last_flight(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    assert read(guest.get(f"/trips/{booking.reference}/share")).one("input", name="lasts", checked="")["value"] == "trip"
    make(guest, booking)
    assert booking.arrives_at is not None
    assert Share.objects.get().expires_at == booking.arrives_at + timedelta(days=1)


def test_a_missing_choice_is_told_and_loses_nothing(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    page = read(guest.post(f"/trips/{booking.reference}/share", {"name": "0"}))
    assert page.text.count("Choose how long the link shall work.") == 2
    assert "checked" in page.one("input", name="name")
    assert Share.objects.count() == 0


def test_strangers_neither_share_nor_take_back_nor_see(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    make(guest, booking)
    share = Share.objects.get()
    mine = booked(principal=principal)
    assert Client().get(f"/trips/{booking.reference}/share").status_code == 404
    assert Client().post(f"/trips/{booking.reference}/share", {"lasts": "day"}).status_code == 404
    assert Client().post(f"/trips/{booking.reference}/share/revoke", {"share": share.pk}).status_code == 404
    assert guest.post(f"/trips/{mine.reference}/share/revoke", {"share": share.pk}).status_code == 404
    assert guest.get(f"/trips/{booking.reference}/share/revoke").status_code == 405
    share.refresh_from_db()
    assert share.revoked_at is None


def test_making_and_taking_back_are_in_the_diary(guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    make(guest, booking, name="0")
    share = Share.objects.get()
    for _ in range(2):
        guest.post(f"/trips/{booking.reference}/share/revoke", {"share": share.pk})
    lines = list(Diary.objects.filter(booking=booking).order_by("pk").values_list("event", "subject", "cause"))
    assert [line[:2] for line in lines] == [("share.made", f"share:{share.pk}"), ("share.revoked", f"share:{share.pk}")]
    assert lines[0][2].endswith("1 first names")
    assert "Anna" not in str(lines)


def test_guessing_is_limited_and_so_are_links(guest: Client, principal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (handover.LOOKS, handover.MOST_SHARES) == (30, 20)
    monkeypatch.setattr(handover, "LOOKS", 3)
    assert [Client().get(f"/shared/{number}/").status_code for number in range(4)] == [404, 404, 404, 429]
    monkeypatch.setattr(handover, "MOST_SHARES", 1)
    booking = booked(principal=principal)
    make(guest, booking)
    answer = guest.post(f"/trips/{booking.reference}/share", {"lasts": "day"})
    assert (answer.status_code, Share.objects.count()) == (409, 1)


def test_old_shares_are_forgotten() -> None:
    booking, now = booked(), clock.now()
    for number, (ends, revoked) in enumerate([(1, None), (-1, None), (90, 31), (90, 29)]):
        Share.objects.create(booking=booking, token_hash=f"hash {number}", created_at=now,
                             expires_at=now + timedelta(days=ends),
                             revoked_at=now - timedelta(days=revoked) if revoked else None)
    assert retention.run(now)["shares"] == 2
    assert sorted(Share.objects.values_list("token_hash", flat=True)) == ["hash 0", "hash 3"]
