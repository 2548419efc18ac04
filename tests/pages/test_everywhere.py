"""What holds on all pages: the policy, the frame, the refusals, and templates without forbidden things."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from bookings.models import Booking, Outbox
from tests.pages.html import read
from tests.pages.travel import make

pytestmark = pytest.mark.django_db

TEMPLATES = [path for path in sorted((settings.BASE_DIR / "templates").rglob("*.html"))
             if not {"admin", "mail"} & set(path.relative_to(settings.BASE_DIR / "templates").parts)]
SCRIPTS = sorted((settings.BASE_DIR / "static" / "js").glob("*.js"))
PATHS = ["/", "/help", "/terms", "/how-we-sort", "/trips", "/trips/find", "/dev/mailbox", "/flights", "/nowhere"]


def policy(response: object) -> dict[str, str]:
    header = response.headers["Content-Security-Policy"]  # type: ignore[attr-defined]
    return dict(part.strip().split(" ", 1) for part in header.split(";"))


@pytest.mark.parametrize("path", PATHS)
def test_every_page_has_the_strict_policy_and_the_whole_frame(client: Client, path: str) -> None:
    response = client.get(path)
    rules = policy(response)
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert rules["style-src"] == "'self'"
    assert rules["frame-src"] == "'none'"
    page = read(response)
    assert page.one("html")["lang"] == "en"
    assert page.one("h1") is not None
    assert page.one("main")["id"] == "main"
    assert page.one("header")
    assert page.one("footer")
    assert "support@fly2any.com" in page.text
    assert "No real airline or bank is behind this site" in page.text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_no_template_needs_a_weaker_policy(template: Path) -> None:
    source = template.read_text()
    assert not re.search(r"<[^>]+\son[a-z]+\s*=", source), "an inline handler"
    assert not re.search(r"<[^>]+\sstyle\s*=", source), "a style attribute"
    assert "<style" not in source
    assert not re.search(r"<script(?![^>]*\ssrc=)", source), "an inline script"
    assert not re.search(r"\|\s*safe\b|autoescape off", source)


CHOSEN_BEFORE = {  # conditions under which a template may tick or select: all of them say "the visitor did so"
    'cell.state == "mine"', "chosen == code", "fare.checked", "field.value == value", "filters.wanted.stops is None", "filters.wanted.ticketing is None",
    'item.value == "no"', 'item.value == "yes"', 'n == item.value and n != "0"', "one.on", "option.chosen", "option.on",
    'one.place|stringformat:"d" in ticked', "trip.chosen", "value == topic"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_no_template_ticks_or_selects_anything_by_itself(template: Path) -> None:
    marked = re.compile(r"{% if ([^%]*) %} ?(?:checked|selected){% endif %}")
    source = template.read_text()
    assert set(marked.findall(source)) <= CHOSEN_BEFORE
    plain = re.sub(r"{%.*?%}|{{.*?}}", "", marked.sub("", source))
    assert not re.search(r"<(input|option|select)\b[^>]*\s(checked|selected)\b", plain)
    for quantity in re.findall(r'<input\b[^>]*type="(?:number|text)"[^>]*>', plain):
        assert re.search(r'value=""|value=\'\'', quantity) or "value=" not in quantity, quantity


def test_sizes_stay_small() -> None:
    styles = b"".join(path.read_bytes() for path in (settings.BASE_DIR / "static" / "css").glob("*.css"))
    assert len(gzip.compress(styles)) <= 30 * 1024
    for script in SCRIPTS:
        assert len(gzip.compress(script.read_bytes())) <= 50 * 1024
        assert not re.search(r"\beval\(|new Function|innerHTML|localStorage|sessionStorage|document\.cookie",
                             script.read_text()), script.name


def test_only_pages_with_a_card_form_may_load_stripe(guest: Client, principal: str) -> None:
    place = "http://127.0.0.1:" + str(settings.SANDBOX_PORT)
    paid = make(principal, status="PENDING_PAYMENT", progress="card")
    with_form = policy(guest.get(f"/trips/{paid.reference}/pay"))
    assert place in with_form["script-src"]
    assert with_form["frame-src"] == place
    assert "unsafe" not in str(with_form)
    assert place not in policy(guest.get(f"/trips/{paid.reference}/progress?paid=0"))["script-src"]


def test_pages_of_a_customer_are_not_cached(guest: Client, principal: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done")
    assert "no-store" in guest.get(f"/trips/{booking.reference}").headers["Cache-Control"]


def test_a_form_from_elsewhere_is_refused_in_plain_words() -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/checkout/start", {"offerId": "x"})
    assert response.status_code == 403
    assert "Nothing was sent to the airline or the bank" in read(response).text


@pytest.mark.parametrize("path", ["/checkout/start", "/flights/days", "/account/sign-out", "/trips/FLY2A-000000/fix"])
def test_an_address_that_only_takes_a_press_is_no_blank_page(client: Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert "nothing was booked, paid or changed" in read(response).text
    assert "no-store" in response.headers["Cache-Control"]


def test_an_offer_of_nobody_is_a_plain_404(client: Client) -> None:
    response = client.post("/checkout/start", {"offerId": "banana"})
    assert response.status_code == 404
    assert "We could not find this page." in read(response).text


# --- looking a booking up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reference", "email"), [
    ("FLY2A-000000", "anna@example.com"), ("{mine}", "somebody@example.com"), ("banana", "x"), ("'; --", "anna@example")])
def test_wrong_data_gets_one_and_the_same_reply(client: Client, principal: str, reference: str, email: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done")
    response = client.post("/trips/find", {"reference": reference.format(mine=booking.reference), "email": email})
    page = read(response)
    assert response.status_code == 200
    assert "We know no booking with this reference and e-mail address." in page.text
    assert page.one("input", id="email")["value"] == email


def test_reference_and_email_open_a_booking(client: Client, principal: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done")
    sent = {"reference": booking.reference.lower(), "email": "ANNA@example.com"}
    assert client.post("/trips/find", sent).headers["Location"] == f"/trips/{booking.reference}"
    assert client.get(f"/trips/{booking.reference}").status_code == 200


def test_empty_fields_are_named(client: Client) -> None:
    page = read(client.post("/trips/find", {}))
    assert [tag["href"] for tag in page.all("a") if tag.get("href") in ("#reference", "#email")] == [
        "#reference", "#email"]


@pytest.mark.django_db(transaction=True)
def test_links_by_mail_reply_the_same_to_everybody(client: Client, principal: str) -> None:
    make(principal, status="CONFIRMED", progress="done")
    answers = [client.post("/trips/link", {"link-email": email}, follow=True)
               for email in ("anna@example.com", "nobody@example.com")]
    assert read(answers[0]).text == read(answers[1]).text
    assert "If there are bookings with this e-mail address" in read(answers[0]).text
    assert Outbox.objects.filter(kind="lookup_link", booking__isnull=False).count() == 1


# --- cancelling -------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_cancelling_asks_shows_and_only_then_does_it(guest: Client, principal: str) -> None:
    from tests.trail import rows

    booking = make(principal, status="CONFIRMED", progress="done", money="charged")
    order = rows.order(booking, external_id="ord_c", actions=["cancel"])
    rows.payment(booking, state="captured", captured_minor=59999, order=order)
    here = f"/trips/{booking.reference}/cancel"
    assert "Nothing is cancelled yet." in read(guest.get(here)).text
    assert guest.post(here, {"verb": "quote"}).headers["Location"] == here
    assert "Asking the airline what you would get back" in read(guest.get(here)).text
    Booking.objects.filter(pk=booking.pk).update(quote_wanted=False)
    order.quote_id, order.quote_refund_minor, order.quote_refund_to = "ore_1", 40000, "balance"
    order.save()
    page = read(guest.get(here))
    for wanted in ("400.00", "To the card you paid with", "The airline keeps USD 199.99"):
        assert wanted in page.text, wanted
    booking.refresh_from_db()
    assert booking.wish == "book"
    refund = page.one("input", name="refund")["value"]
    for wrong in ("1", "banana", ""):
        assert guest.post(here, {"verb": "confirm", "refund": wrong}).status_code == 409
    assert guest.post(here, {"verb": "confirm", "refund": refund}).headers["Location"] == f"/trips/{booking.reference}"
    booking.refresh_from_db()
    assert (booking.wish, booking.agreed_refund_minor) == ("cancel", 40000)


def test_an_amount_nobody_can_tell_is_asked_for_and_never_shown_as_nothing(guest: Client, principal: str) -> None:
    from tests.trail import rows

    booking = make(principal, status="CONFIRMED", progress="done", money="charged")
    order = rows.order(booking, external_id="ord_1", actions=["cancel"], quote_id="ore_1", quote_refund_to="")
    here = f"/trips/{booking.reference}/cancel"
    page = read(guest.get(here))
    assert "does not tell us at once" in page.text and "answers you within 24 hours" in page.text
    assert "0.00" not in page.text and not list(page.all("input", name="refund"))
    assert page.one("a", href=f"/trips/{booking.reference}/request?topic=refund")
    order.quote_refund_to, order.quote_refund_minor = "airline_credits", 59999
    order.save()
    page = read(guest.get(here))
    for wanted in ("As a credit with the airline", "599.99", "Money back USD 0.00"):
        assert wanted in page.text, wanted


def test_an_offer_that_ran_out_is_said_on_the_page_itself(guest: Client, principal: str) -> None:
    from tests.trail import rows

    booking = make(principal, status="CONFIRMED", progress="done", money="charged")
    rows.order(booking, external_id="ord_1", actions=["cancel"], quote_id="ore_1", quote_refund_to="balance",
               quote_refund_minor=40000, quote_expires_at=rows.NOW - timedelta(days=9))
    answer = guest.post(f"/trips/{booking.reference}/cancel", {"verb": "confirm", "refund": "40000"})
    assert answer.status_code == 409
    page = read(answer)
    assert "has run out, so nothing was cancelled" in page.text and "Show what I get back" in page.text


def test_a_reference_in_the_address_fills_in_the_form_and_shows_nothing(client: Client, principal: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done")
    page = read(client.get(f"/trips/find?ref={booking.reference}"))
    assert page.one("input", id="reference")["value"] == booking.reference
    assert not {"Müller", "London", "anna@example.com"} & set(page.text.split())


# --- the mailbox ------------------------------------------------------------------------------------------------


def test_the_mailbox_exists_only_in_the_sandbox(client: Client, settings: object, tmp_path: Path) -> None:
    from django.core.mail import get_connection, send_mail

    settings.MAIL_DIR = tmp_path  # type: ignore[attr-defined]
    backend = get_connection("fly2any.mailbox.FolderBackend")
    send_mail("Hallo <b>", "Look at http://127.0.0.1/trips <script>x</script>", None, ["anna@example.com"],
              connection=backend)
    page = read(client.get("/dev/mailbox"))
    assert "Hallo <b>" in page.text
    assert not list(page.all("script"))
    assert "http://127.0.0.1/trips" in [tag.get("href") for tag in page.all("a")]
    assert "No mail to bo@" in read(client.get("/dev/mailbox?to=bo@")).text
    assert "Hallo <b>" in read(client.get("/dev/mailbox?to=ANNA@")).text
    (letter,) = [tag["href"] for tag in page.all("a") if tag.get("href", "").startswith("/dev/mailbox/")]
    settings.SANDBOX = False  # type: ignore[attr-defined]
    for path in ("/dev/mailbox", letter, f"{letter}/html", f"{letter}/0"):
        assert client.get(path).status_code == 404


def test_a_mail_is_shown_in_a_frame_that_can_do_nothing(client: Client, settings: object, tmp_path: Path) -> None:
    from django.core.mail import EmailMultiAlternatives, get_connection

    settings.MAIL_DIR = tmp_path  # type: ignore[attr-defined]
    message = EmailMultiAlternatives("Hallo", "text", None, ["anna@example.com"],
                                     connection=get_connection("fly2any.mailbox.FolderBackend"))
    message.attach_alternative("<html><head></head><body><script>alert(1)</script><p>rich</p></body></html>", "text/html")
    message.attach("../trip.pdf", b"%PDF-1.7", "application/pdf")
    message.send()
    name = next(tmp_path.glob("*.eml")).stem
    whole = client.get(f"/dev/mailbox/{name}")
    frame = read(whole).one("iframe")
    assert frame["sandbox"] == "allow-popups" and "unsafe" not in whole.headers["Content-Security-Policy"]
    inner = client.get(frame["src"])
    rules = policy(inner)
    assert (rules["default-src"], rules["script-src"], rules["sandbox"]) == ("'none'", "'none'", "allow-popups")
    assert (rules["frame-ancestors"], inner.headers["X-Frame-Options"]) == ("'self'", "SAMEORIGIN")
    assert "rich" in inner.content.decode()
    saved = client.get(f"/dev/mailbox/{name}/0")
    assert saved.content == b"%PDF-1.7" and saved.headers["Content-Disposition"].startswith("attachment")
    assert "/" not in saved.headers["Content-Disposition"]
    for wrong in (f"{name}/7", "nothing", "..%2f..%2fetc%2fpasswd"):
        assert client.get(f"/dev/mailbox/{wrong}").status_code == 404
