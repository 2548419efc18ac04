"""Links in mails about an account: each is made when its mail is sent, proves its mailbox, and ends by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from fly2any.kernel import keys

VERIFY_LIFE = timedelta(days=3)
_SALT = "fly2any.verify"


def words(user: User) -> dict[str, Any]:
    """What mails about an account may say; the address to press is `link` (see `verify_link`, `reset_link`)."""
    return {"address": user.email, "days": VERIFY_LIFE.days, "minutes": settings.PASSWORD_RESET_TIMEOUT // 60}


def verify_link(user: User) -> str:
    """The address that confirms the account's e-mail, for three days; it needs the password too."""
    return f"{settings.SITE_URL}/account/verify/{signing.dumps([user.pk, _of(user)], salt=_SALT)}/"


def user_to_verify(token: str) -> User | None:
    """Whose address this link confirms; None for a wrong or expired one, or when the address has changed since."""
    try:
        pk, address = signing.loads(token, salt=_SALT, max_age=VERIFY_LIFE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    user = User.objects.filter(pk=pk, is_active=True, account__isnull=False).first()
    return user if user is not None and address == _of(user) else None


def _of(user: User) -> str:
    """The account's address as a link may carry it: logs and browser histories keep links."""
    return keys.keyed_digest(settings.SECRET_KEY, [_SALT, user.email])[:32]


def reset_link(user: User) -> str:
    """The address that lets a new password be chosen: once, for `PASSWORD_RESET_TIMEOUT`, until the next sign-in."""
    where = urlsafe_base64_encode(force_bytes(user.pk))
    return f"{settings.SITE_URL}/account/reset/{where}/{default_token_generator.make_token(user)}/"


def user_to_reset(where: str, token: str) -> User | None:
    """Whose password this link may set; None for a wrong, used or expired one."""
    try:
        pk = int(urlsafe_base64_decode(where).decode())
    except (ValueError, OverflowError):
        return None
    user = User.objects.filter(pk=pk, is_active=True, is_staff=False, account__isnull=False).first() if (
        0 < pk < 2**31) else None
    return user if user is not None and default_token_generator.check_token(user, token) else None
