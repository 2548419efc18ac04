"""Forged messages at the doors of webhooks: every trick we know, drawn from a seed so that a run can be repeated."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from tests.trail.messages import DUFFEL, STRIPE, duffel_event, stripe_event

DOORS = (STRIPE, DUFFEL)
HEADERS = {STRIPE: "Stripe-Signature", DUFFEL: "X-Duffel-Signature"}
KINDS = {STRIPE: ("payment_intent.succeeded", "payment_intent.amount_capturable_updated", "charge.refunded", "charge.dispute.created",
                  "payment_intent.canceled", "radar.early_fraud_warning.created"),
         DUFFEL: ("order.created", "order.updated", "order.creation_failed", "order_cancellation.confirmed",
                  "order.airline_initiated_change_detected")}


@dataclass(frozen=True)
class Forged:
    """One try: where to, which bytes, which headers, and which trick it is."""

    door: str
    trick: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def secret(door: str) -> str:
    """The secret with which this door's vendor signs."""
    return settings.STRIPE_WEBHOOK_SECRET if door == STRIPE else settings.DUFFEL_WEBHOOK_SECRET


def digest(key: bytes | str, message: bytes, method: Any = hashlib.sha256) -> str:
    """HMAC in hex."""
    return hmac.new(key.encode() if isinstance(key, str) else key, message, method).hexdigest()


class Forger:
    """Draws forged messages; `real` are events that name rows of ours, so that a believed one would have an effect."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.number = 0
        self.next: list[tuple[str, str]] = []  # every trick at every door, then all again in another order

    def event(self, door: str) -> bytes:
        """A message as that vendor would send it, about rows that exist."""
        self.number += 1
        kind = self.dice.choice(KINDS[door])
        made = (stripe_event(f"evt_forged_{self.number}", kind, intent="pi_mine") if door == STRIPE
                else duffel_event(f"wev_forged_{self.number}", kind, order_id="ord_mine"))
        return json.dumps(made).encode()

    def word(self, letters: str = string.ascii_letters + string.digits, longest: int = 64) -> str:
        """Random letters."""
        return "".join(self.dice.choices(letters, k=self.dice.randint(1, longest)))

    def signed(self, door: str, body: bytes, *, key: str | bytes | None = None, at: int | None = None) -> str:
        """A header in their scheme; with the true key and no age it would be a true one."""
        stamp = int(time.time()) if at is None else at
        return f"t={stamp},v1={digest(secret(door) if key is None else key, f'{stamp}.'.encode() + body)}"

    def draw(self) -> Forged:
        """The next try."""
        if not self.next:
            self.next = [(door, name) for door in DOORS for name in TRICKS]
            self.dice.shuffle(self.next)
        door, trick = self.next.pop()
        body = self.event(door)
        made = TRICKS[trick](self, door, body)
        sent, header = made if isinstance(made, tuple) else (body, made)
        headers = header if isinstance(header, dict) else {HEADERS[door]: header}
        return Forged(door, trick, sent, headers)


Made = str | dict[str, str] | tuple[bytes, str]
TRICKS: dict[str, Callable[[Forger, str, bytes], Made]] = {}


def trick(make: Callable[[Forger, str, bytes], Made]) -> Callable[[Forger, str, bytes], Made]:
    """Put the trick on the list under its own name."""
    TRICKS[make.__name__] = make
    return make


@trick
def no_header(forger: Forger, door: str, body: bytes) -> Made:
    return {}


@trick
def rubbish(forger: Forger, door: str, body: bytes) -> Made:
    return forger.dice.choice(["", "x", ",", "=", "t=", "v1=", "t=,v1=", "t=1,v1=00", "v1=00,t=1", "t=-1,v1=0", "t=nan,v1=x",
                               forger.word(string.printable.replace("\n", "").replace("\r", "").replace("\x0b", "").replace("\x0c", ""))])


@trick
def wrong_secret(forger: Forger, door: str, body: bytes) -> Made:
    return forger.signed(door, body, key="whsec_" + forger.word())


@trick
def a_key_that_anybody_can_read(forger: Forger, door: str, body: bytes) -> Made:
    """The empty key, and the words that stand in pages or in Stripe's own dashboard links."""
    return forger.signed(door, body, key=forger.dice.choice(["", " ", "whsec_", settings.STRIPE_PUBLISHABLE_KEY, "None", "null",
                                                            secret(door)[6:], secret(door)[:-1], secret(door).upper()]))


@trick
def another_key_of_ours(forger: Forger, door: str, body: bytes) -> Made:
    return forger.signed(door, body, key=forger.dice.choice([
        settings.SECRET_KEY, settings.STRIPE_SECRET_KEY, settings.DUFFEL_ACCESS_TOKEN, *settings.FIELD_ENCRYPTION_KEYS]))


@trick
def the_other_vendors_secret(forger: Forger, door: str, body: bytes) -> Made:
    (other,) = (name for name in DOORS if name != door)
    return forger.signed(door, body, key=secret(other))


@trick
def the_other_vendors_message(forger: Forger, door: str, body: bytes) -> Made:
    """Truly signed by the other vendor, in the other vendor's header."""
    (other,) = (name for name in DOORS if name != door)
    return {HEADERS[other]: forger.signed(other, body)}


@trick
def too_old(forger: Forger, door: str, body: bytes) -> Made:
    return forger.signed(door, body, at=int(time.time()) - forger.dice.choice([302, 400, 3600, 86400, 10**9]))


@trick
def from_the_future(forger: Forger, door: str, body: bytes) -> Made:
    return forger.signed(door, body, at=int(time.time()) + forger.dice.choice([330, 3600, 86400, 10**9, 10**12]))


@trick
def a_fresh_time_on_an_old_signature(forger: Forger, door: str, body: bytes) -> Made:
    old = forger.signed(door, body, at=int(time.time()) - 400).partition(",")[2]
    return f"t={int(time.time())},{old}"


@trick
def two_times(forger: Forger, door: str, body: bytes) -> Made:
    """An old signature with a fresh time before or behind the one that was signed."""
    old, now = forger.signed(door, body, at=int(time.time()) - 4000), int(time.time())
    return forger.dice.choice([f"t={now},{old}", f"{old},t={now}"])


@trick
def signature_of_another_body(forger: Forger, door: str, body: bytes) -> Made:
    return forger.signed(door, forger.event(door))


@trick
def altered_body(forger: Forger, door: str, body: bytes) -> Made:
    """The header is true; one byte of the message was changed, added or taken, or it was written anew."""
    header, changed = forger.signed(door, body), bytearray(body)
    place = forger.dice.randrange(len(changed))
    way = forger.dice.randrange(6)
    if way == 0:
        changed[place] ^= 1 << forger.dice.randrange(7)
    elif way == 1:
        changed.insert(place, 32)
    elif way == 2:
        del changed[place]
    elif way == 3:
        changed = changed + b"\n"
    elif way == 4:
        changed = bytearray(json.dumps(json.loads(body), separators=(",", ":")).encode())
    else:
        changed = bytearray(body[:-1] + b', "livemode": false}')
    return bytes(changed), header


@trick
def cut_or_stretched_signature(forger: Forger, door: str, body: bytes) -> Made:
    header = forger.signed(door, body)
    return forger.dice.choice([header[:-forger.dice.randint(1, 64)], header + forger.dice.choice("0123456789abcdef"),
                               header.replace("v1=", "v1=0"), header[:-1] + ("0" if header[-1] != "0" else "1")])


@trick
def many_wrong_signatures(forger: Forger, door: str, body: bytes) -> Made:
    stamp = int(time.time())
    return f"t={stamp}," + ",".join(f"v1={forger.word('0123456789abcdef', 64):0>64}" for _ in range(forger.dice.choice([2, 10, 100])))


@trick
def another_scheme(forger: Forger, door: str, body: bytes) -> Made:
    """The right digest under another name, or the right name over another digest."""
    stamp = int(time.time())
    message, right = f"{stamp}.".encode() + body, forger.signed(door, body).rpartition("=")[2]
    weak = [digest(secret(door), message, way) for way in (hashlib.md5, hashlib.sha1, hashlib.sha512)]
    b64 = base64.b64encode(bytes.fromhex(right)).decode()
    return forger.dice.choice([f"t={stamp},v0={right}", f"t={stamp},v2={right}", f"t={stamp},V1={right}", f"t={stamp},{right}",
                               f"t={stamp},v1={b64}", *(f"t={stamp},v1={one}" for one in weak), f"v1={right}", right,
                               f"T={stamp},v1={right}", f"t={stamp};v1={right}"])


@trick
def signed_without_its_time(forger: Forger, door: str, body: bytes) -> Made:
    return f"t={int(time.time())},v1={digest(secret(door), body)}"


@trick
def plain_hash(forger: Forger, door: str, body: bytes) -> Made:
    """No HMAC: whoever knows the bytes can make it."""
    stamp = int(time.time())
    message = f"{stamp}.".encode() + body
    return f"t={stamp},v1={hashlib.sha256(forger.dice.choice([message, body])).hexdigest()}"


@trick
def right_signature_in_a_wrong_place(forger: Forger, door: str, body: bytes) -> Made:
    return {forger.dice.choice(["X-Stripe-Signature", "Stripe_Signature2", "Authorization", "X-Hub-Signature", "Signature",
                                "Cookie", "X-Signature", "Stripe-Signature-V1"]): forger.signed(door, body)}


@trick
def too_large(forger: Forger, door: str, body: bytes) -> Made:
    """Truly signed, more than 256 KiB: refused before anything is read into it."""
    large = body[:-1] + b', "padding": "' + b"x" * (256 * 1024) + b'"}'
    return large, forger.signed(door, large)


@trick
def packed(forger: Forger, door: str, body: bytes) -> Made:
    """The signature of the plain bytes on packed ones."""
    import gzip

    return gzip.compress(body), forger.signed(door, body)
