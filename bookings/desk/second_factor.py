"""The second factor of staff: an app's codes (TOTP), and ten recovery codes of which only keyed hashes are kept."""

from __future__ import annotations

import secrets
from base64 import b32encode
from binascii import unhexlify

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django_otp import login as mark_verified
from django_otp import verify_token
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex

from fly2any.kernel import clock, keys
from fly2any.kernel.errors import Problem

RECOVERY_CODES = 10
SET_UP_SECONDS = 30 * 60  # a page of setting up that lies open longer starts afresh
_SALT = "fly2any.second-factor"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that are read for another
Person = User | AnonymousUser


def asked_for(user: Person) -> bool:
    """Whether the site asks for a second factor that this session has not shown."""
    if not settings.ADMIN_NEEDS_OTP:
        return False
    shown = getattr(user, "is_verified", None)
    return not (shown and shown())


def phone_of(user: User) -> TOTPDevice | None:
    """The device that this person has set up, or None."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).order_by("pk").first()


# --- setting up -------------------------------------------------------------------------------------------------


def new_secret(user: User) -> str:
    """A fresh secret as a signed text that the page sends back: looking at the page writes nothing."""
    return signing.dumps({"user": user.pk, "key": random_hex(20)}, salt=_SALT)


def open_secret(user: User, signed: str) -> TOTPDevice | None:
    """The device (not saved) of a signed secret; None when it is not this person's, or older than half an hour."""
    try:
        found = signing.loads(signed, salt=_SALT, max_age=SET_UP_SECONDS)
    except signing.BadSignature:
        return None
    return TOTPDevice(user=user, name="phone", key=found["key"]) if found["user"] == user.pk else None


def in_text(device: TOTPDevice) -> str:
    """The secret as an app takes it by hand, in groups of four."""
    text = b32encode(unhexlify(device.key)).decode().rstrip("=")
    return " ".join(text[at:at + 4] for at in range(0, len(text), 4))


def confirm(user: User, device: TOTPDevice, code: str) -> list[str] | None:
    """Keep the device when the app's code fits it; what was there before goes. Returns the recovery codes, once.

    None for a wrong code. The code is used up: it does not open the door again. Problem already_set_up when the same
    page was sent twice.
    """
    ticking = TOTP(device.bin_key, device.step, device.t0, device.digits)
    if not code.isdecimal() or not ticking.verify(int(code), device.tolerance):
        return None
    device.last_t, device.drift, device.confirmed = ticking.t(), ticking.drift, True
    with transaction.atomic():
        User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
        if TOTPDevice.objects.filter(user=user, key=device.key).exists():
            raise Problem("already_set_up", "This device is set up already.", status=409)
        TOTPDevice.objects.filter(user=user).delete()
        device.save()
        return _new_codes(user)


def renew_codes(user: User) -> list[str]:
    """Ten new recovery codes; the ones from before open nothing any more."""
    with transaction.atomic():
        User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
        return _new_codes(user)


def codes_left(user: User) -> int:
    """How many recovery codes have not been used."""
    return StaticToken.objects.filter(device__user=user).count()


def _new_codes(user: User) -> list[str]:
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery", confirmed=True)
    letters = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=device, token=_hashed(user, code)) for code in letters])
    return [f"{code[:5]}-{code[5:]}" for code in letters]


def _hashed(user: User, code: str) -> str:
    """What is kept of a recovery code: 64 bits that nobody can try without SECRET_KEY."""
    return keys.keyed_digest(settings.SECRET_KEY, ["recovery", user.pk, code])[:16]


# --- showing it -------------------------------------------------------------------------------------------------


def show_code(user: User, code: str) -> Device | None:
    """The device when the app's code fits. A code works once; after failures django-otp waits 1, 2, 4 … seconds."""
    device = phone_of(user)
    typed = "".join(code.split())
    return verify_token(user, device.persistent_id, typed) if device and typed.isdecimal() else None


def show_recovery(user: User, code: str) -> Device | None:
    """The device when this is a recovery code that has not been used: it is gone afterwards."""
    device = StaticDevice.objects.filter(user=user, confirmed=True).first()
    typed = "".join(letter for letter in code.lower() if letter.isalnum())
    return verify_token(user, device.persistent_id, _hashed(user, typed)) if device else None


def accept(request: HttpRequest, device: Device) -> None:
    """Let this session in: under a new key, and only for as long as the device is there."""
    request.session.cycle_key()
    mark_verified(request, device)
    request.session["staff_factor"] = True


def remove(user: User) -> None:
    """Take the device and the recovery codes away: the next sign-in sets up a new one."""
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()


def forgive(user: User) -> None:
    """Let this person try a code at once, however many were wrong."""
    for device in (*TOTPDevice.objects.filter(user=user), *StaticDevice.objects.filter(user=user)):
        device.throttle_reset()


def wait_of(user: User, *, recovery: bool) -> int:
    """For how many whole seconds django-otp takes no code after the failures so far; 0 when it does."""
    rows = StaticDevice if recovery else TOTPDevice
    device = rows.objects.filter(user=user, confirmed=True).order_by("pk").first()
    why = device.verify_is_allowed()[1] if device else None
    return max(1, round((why["locked_until"] - clock.now()).total_seconds())) if why else 0
