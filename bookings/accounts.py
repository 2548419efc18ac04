"""Customers' accounts: made, verified, opened and closed. No reply tells whether an account exists.

A customer's user is never staff, and staff cannot sign in here: the two doors share nothing but the table.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from axes.utils import reset as forget_failures
from django.contrib.auth import authenticate, user_login_failed
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from bookings import access, limits, outbox
from bookings.models import Account, Booking, Diary
from bookings.status import Status
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

LONGEST_EMAIL = 150  # a user's name is the address
LONGEST_PASSWORD = 1000
PER, AN_ADDRESS, A_MAILBOX = timedelta(hours=1), 10, 5
DOOR, TRIES_OF_ADDRESS, TRIES_FOR_EMAIL = timedelta(minutes=15), 40, 200
EMAIL_HINT = "Enter an e-mail address such as anna@example.com."
Visitor = AbstractBaseUser | AnonymousUser


def email_of(user: Visitor) -> str:
    """The e-mail address of a signed-in customer, "" for everybody else (also staff)."""
    return user.email if isinstance(user, User) and user.is_authenticated and not user.is_staff else ""


def verified(user: Visitor) -> bool:
    """Whether this customer has shown that the account's address is theirs."""
    return isinstance(user, User) and Account.objects.filter(user=user, verified_at__isnull=False).exists()


# --- making one -------------------------------------------------------------------------------------------------


def check_sign_up(raw: Mapping[str, Any]) -> tuple[str, str]:
    """Address (lower case) and password of a new account. Raises Problem validation_failed naming the wrong fields."""
    wrong: dict[str, str] = {}
    email = check_email(raw, wrong)
    password = check_password(str(raw.get("password") or ""), User(username=email, email=email), wrong)
    refuse(wrong)
    return email, password


def check_email(raw: Mapping[str, Any], wrong: dict[str, str]) -> str:
    """The address as we keep it; says in `wrong` what is wrong with it."""
    email = str(raw.get("email") or "").strip().lower()
    try:
        validate_email(email)
        email.encode("ascii")
    except (ValidationError, UnicodeEncodeError):
        wrong["email"] = EMAIL_HINT
    if len(email) > LONGEST_EMAIL:
        wrong["email"] = f"Please use an address of at most {LONGEST_EMAIL} letters."
    return email


def check_password(password: str, user: User, wrong: dict[str, str], field: str = "password") -> str:
    """A password that is long, uncommon and not the address; says in `wrong` what is wrong with it."""
    try:
        if len(password) > LONGEST_PASSWORD or "\x00" in password:
            raise ValidationError("Please use at most 1000 letters.")
        validate_password(password, user)
    except ValidationError as error:
        wrong[field] = " ".join(error.messages) if password else "Choose a password of at least 12 letters."
    return password


def refuse(wrong: dict[str, str]) -> None:
    """Raise Problem validation_failed when something is wrong."""
    if wrong:
        raise Problem("validation_failed", "Some details need your attention.", status=422, action="Fix this",
                      field_errors=wrong)


def count_try(request: HttpRequest, door: str, email: str, now: datetime) -> None:
    """One attempt to make an account or to reset a password: 10 an hour and address, 5 an hour, mailbox and `door`.

    Each door counts for itself: whoever signs somebody's address up again and again cannot keep them from a reset.
    """
    limits.count("account-address", access.address_of(request), per=PER, limit=AN_ADDRESS, now=now)
    limits.count(f"{door}-email", email, per=PER, limit=A_MAILBOX, now=now)


def sign_up(*, email: str, password: str, now: datetime) -> None:
    """Make an account and mail its link, or mail whom it belongs to already. The same to the eye, and as slow."""
    hashed = make_password(password)
    try:
        with transaction.atomic(durable=True):
            user = User.objects.create(username=email, email=email, password=hashed)
            Account.objects.create(user=user, created_at=now)
            _mail("verify_address", user, now)
        return
    except IntegrityError:
        pass
    with transaction.atomic(durable=True):
        existing = customer(email)
        if existing is not None:
            _mail("account_exists", existing, now)


def customer(email: str) -> User | None:
    """The customer with this address; never staff."""
    return User.objects.filter(username=email.strip().lower(), is_active=True, is_staff=False,
                               account__isnull=False).first()


def send_verification(user: User, now: datetime) -> None:
    """Mail the link once more."""
    limits.count("verify-email", user.email, per=PER, limit=A_MAILBOX, now=now)
    with transaction.atomic(durable=True):
        _mail("verify_address", user, now)


def verify(user: User, now: datetime) -> None:
    """The link was followed by whoever knows the password: the address is theirs."""
    Account.objects.filter(user=user, verified_at=None).update(verified_at=now)


def _mail(kind: str, user: User, now: datetime) -> None:
    outbox.queue(kind, None, now, to=user.email, version=f"{user.pk}:{secrets.token_hex(8)}",
                 context={"user": user.pk})


# --- the door ---------------------------------------------------------------------------------------------------


def sign_in(request: HttpRequest, *, email: str, password: str) -> User | None:
    """The customer with this password, or None: unknown, wrong, locked out and staff look the same.

    django-axes counts failures by user and address and locks for a quarter of an hour after five. Beyond that an
    address may try many users, or many addresses one user, only so often: Problem throttled. A new password by mail
    opens the door at any time, so that nobody can lock a customer out for ever.
    """
    if "\x00" in email + password or len(password) > LONGEST_PASSWORD:
        return None
    name, now = email.strip().lower()[:LONGEST_EMAIL], clock.now()
    limits.count("sign-in-address", access.address_of(request), per=DOOR, limit=TRIES_OF_ADDRESS, now=now)
    limits.count("sign-in-email", name, per=PER, limit=TRIES_FOR_EMAIL, now=now)
    user = authenticate(request, username=name, password=password)
    if isinstance(user, User) and not user.is_staff and hasattr(user, "account"):
        return user
    if user is not None:  # the right password of somebody who has no business here counts like a wrong one
        user_login_failed.send(sender=__name__, credentials={"username": name}, request=request)
    return None


def ask_reset(*, email: str, now: datetime) -> None:
    """Mail a link to choose a new password, if there is such an account."""
    with transaction.atomic(durable=True):
        user = customer(email)
        _mail("reset_password", user or User(pk=0), now)  # nobody's is written too, so that both take as long


def set_password(user: User, password: str, now: datetime, *, by_mail: bool) -> None:
    """A new password: every other session ends (its hash no longer fits), and the mailbox is told.

    `by_mail`: chosen through a link from the mailbox, which proves the address too.
    """
    user.set_password(password)
    with transaction.atomic(durable=True):
        user.save(update_fields=["password"])
        if by_mail:
            verify(user, now)
            forget_failures(username=user.username)
        _mail("password_changed", user, now)


# --- bookings ---------------------------------------------------------------------------------------------------


def to_join(user: User, principal: str) -> list[int]:
    """Keys of guest bookings that this customer may add: made in this browser, or with the verified address."""
    rows = Booking.objects.exclude(status=Status.DRAFT).filter(user=None)
    names, _ = access.keys_to(principal)
    found = set(rows.filter(principal__in=names).values_list("pk", flat=True))
    if verified(user):
        found |= set(rows.filter(contact_email__iexact=user.email).values_list("pk", flat=True))
    return sorted(found)


def join(user: User, principal: str, now: datetime) -> int:
    """Add them to the account, by the customer's own press. Returns how many."""
    with transaction.atomic(durable=True):
        keys = to_join(user, principal)
        rows = Booking.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=keys, user=None)
        found = list(rows.order_by("pk").values_list("pk", flat=True))
        Booking.objects.filter(pk__in=found).update(user=user, principal=f"user:{user.pk}", changed_at=now)
        Diary.objects.bulk_create([Diary(booking_id=pk, at=now, actor=f"user:{user.pk}", event="booking.joined")
                                   for pk in found])
    return len(found)


def delete(user: User, now: datetime) -> None:
    """Close the account. Its bookings stay as law and airline require, without a link to anybody's account.

    They are found again by reference and contact e-mail, or by the links in our mails.
    """
    with transaction.atomic(durable=True):
        mine = list(Booking.objects.select_for_update(of=("self",), no_key=True).filter(user=user).order_by("pk")
                    .values_list("pk", flat=True))
        for pk in mine:
            Booking.objects.filter(pk=pk).update(user=None, principal=f"closed:{secrets.token_hex(16)}",
                                                 changed_at=now)
        Diary.objects.bulk_create([Diary(booking_id=pk, at=now, actor="guest", event="account.closed")
                                   for pk in mine])
        Booking.objects.filter(status=Status.DRAFT, principal=f"user:{user.pk}").update(
            principal=f"closed:{secrets.token_hex(16)}")
        user.delete()
