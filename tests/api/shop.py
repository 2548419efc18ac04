"""A customer of the API and rows to work on, without any supplier."""

from __future__ import annotations

import json
import uuid
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.test import Client

from suppliers.duffel import mapping
from suppliers.models import Offer
from suppliers.stored import to_json

PAYLOADS = Path(__file__).resolve().parents[1] / "payloads" / "duffel"
CONTACT = {"email": "ada@example.com", "phone": "+442080160508"}
TICKS = [{"code": "dangerous_goods", "version": "1"}, {"code": "names_and_terms", "version": "1"}]


def person(**more: Any) -> dict[str, Any]:
    return {"title": "ms", "gender": "f", "givenName": "Ada", "familyName": "Lovelace", "bornOn": "1990-12-10", **more}


def offer(*, kinds: str = "a", instant: bool = False, expires: timedelta = timedelta(minutes=30), days: int = 40,
          **more: Any) -> Offer:
    """A stored, priced offer. `kinds`: a letter per traveller, a(dult) c(hild of 8) i(nfant)."""
    raw = json.loads((PAYLOADS / "offer_zz_return_2pax_hold_services.json").read_text())
    info = to_json(mapping.offer(raw.get("data", raw), "orq_1"))
    info = _moved(deepcopy(info), date.today() + timedelta(days=days))
    names = {"a": ("adult", None), "c": ("child", 8), "i": ("infant", None)}
    first = info["passengers"][0]["external_id"]
    info["passengers"] = [{"external_id": first if not at else f"pas_{at}", "kind": names[letter][0],
                           "age": names[letter][1]} for at, letter in enumerate(kinds)]
    ends = datetime.now(UTC) + expires
    info |= {"external_id": f"off_{uuid.uuid4().hex}", "request_id": f"orq_{uuid.uuid4().hex}",
             "expires_at": ends.isoformat(), "instant_only": instant, **more}
    return Offer.objects.create(
        principal="guest:searcher", supplier="duffel", external_id=info["external_id"],
        request_id=info["request_id"], total_minor=info["total"]["minor"], currency=info["total"]["currency"],
        expires_at=ends, searched=info, priced=info, priced_at=datetime.now(UTC))


def _moved(info: dict[str, Any], first: date) -> dict[str, Any]:
    """The same flights, the first on `first`."""
    start = date.fromisoformat(info["slices"][0]["segments"][0]["departing_local"][:10])
    for piece in info["slices"]:
        for flight in piece["segments"]:
            for end in ("departing_local", "arriving_local"):
                moment = datetime.fromisoformat(flight[end])
                flight[end] = (moment + (first - start)).isoformat()
    return info


def service_of(row: Offer, kind: str = "baggage") -> dict[str, Any]:
    found: dict[str, Any] = next(item for item in row.priced["services"] if item["kind"] == kind)
    return found


def total(row: Offer, more: int = 0) -> dict[str, str]:
    return {"amount": f"{(row.total_minor + more) / 100:.2f}", "currency": row.currency}


def body(row: Offer, **more: Any) -> dict[str, Any]:
    """A complete POST /api/bookings."""
    people = [person(givenName=f"Ada{'abcdefghi'[at]}") for at in range(len(row.priced["passengers"]))]
    return {"offerId": str(row.pk), "isHold": False, "services": [], "passengers": people, "contact": CONTACT,
            "acceptedTotal": total(row), "acknowledgements": TICKS, **more}


class Caller:
    """A browser (with its cookies) that speaks JSON."""

    def __init__(self, **defaults: Any) -> None:
        self.client = Client(**defaults)

    def send(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        """One call; header names with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is None and method in ("get", "delete"):
            return getattr(self.client, method)(path, headers=named)
        return getattr(self.client, method)(path, data=json.dumps(data), content_type="application/json",
                                            headers=named)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("get", path, **headers)

    def post(self, path: str, data: Any = None, **headers: str) -> Any:
        return self.send("post", path, data if data is not None else {}, **headers)

    def put(self, path: str, data: Any, **headers: str) -> Any:
        return self.send("put", path, data, **headers)

    def book(self, row: Offer, path: str = "/api/bookings", *, data: Any = None, **headers: str) -> Any:
        """Book without waiting."""
        return self.post(path, data if data is not None else body(row), **{"Prefer": "respond-async", **headers})


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Check the shape of a refusal and return it."""
    assert answer.status_code == status, answer.content
    told: dict[str, Any] = answer.json()
    assert set(told) >= {"success", "code", "message", "action", "tip", "fieldErrors", "requestId"}
    assert told["success"] is False
    assert told["code"] == code, told
    assert told["message"]
    assert told["requestId"]
    return told
