"""Travellers of whom every detail is a mark, and the places in which a mark may stand."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError, ResponseError

CARD = "4000056655665556"  # typed into fields that ask for something else


@dataclass
class Person:
    """One traveller; `letters` makes every detail unlike anybody else's. `number`: 0 to 9."""

    letters: str
    number: int
    given: str = ""
    marks: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        word, digit = self.letters, self.number
        self.given = self.given or f"Zqgiven{word}"
        self.family, self.email, self.street = f"Zqfamily{word}", f"zqmail{word}@example.com", f"{digit} Zqstreet{word}"
        self.passport, self.security, self.programme = f"ZQP{digit}7654321", f"98{digit}765432", f"ZQL{digit}55443"
        self.phone, self.born = f"+44207183{digit}75{digit}", f"198{digit}-03-17"
        self.marks = {"given": [self.given], "family": [self.family], "email": [self.email, f"zqmail{word}"], "street": [f"Zqstreet{word}"],
                      "passport": [self.passport], "security": [self.security], "programme": [self.programme],
                      "phone": [self.phone, self.phone[3:]], "born": [self.born, f"17/03/198{digit}", f"17 Mar 198{digit}"]}

    def traveller(self, **more: Any) -> dict[str, Any]:
        """As the API takes it."""
        return {"title": "ms", "gender": "f", "givenName": self.given, "familyName": self.family, "bornOn": self.born, **more}

    def contact(self) -> dict[str, Any]:
        """As the API takes it."""
        return {"email": self.email, "phone": self.phone,
                "address": {"line": self.street, "postalCode": "SW1A 1AA", "city": "London", "country": "GB"}}


class Searcher:
    """Finds marks of these people in text, whatever its case; `found` maps a place to the kinds of marks in it."""

    def __init__(self, people: Iterable[Person], **more: list[str]) -> None:
        self.kinds = {mark.lower(): kind for person in people for kind, marks in person.marks.items() for mark in marks}
        self.kinds |= {mark.lower(): kind for kind, marks in more.items() for mark in marks}
        self._any = re.compile("|".join(map(re.escape, sorted(self.kinds, key=len, reverse=True))))
        self.found: dict[str, set[str]] = defaultdict(set)

    def kinds_in(self, text: str) -> set[str]:
        """Which kinds of marks stand in it, also packed as base64 or as a signed session."""
        low = text.lower()
        kinds = {self.kinds[mark] for mark in set(self._any.findall(low))}
        for packed in re.findall(r"[A-Za-z0-9_+/-]{24,}={0,2}", text):
            kinds |= {self.kinds[mark] for mark in set(self._any.findall(unpacked(packed).lower()))}
        return kinds

    def look(self, place: str, text: str | bytes) -> None:
        """Remember what stands in this place."""
        kinds = self.kinds_in(text.decode("utf-8", "replace") if isinstance(text, bytes) else text)
        if kinds:
            self.found[place] |= kinds


def unpacked(packed: str) -> str:
    """Base64 of either alphabet, inflated when it is deflated; "" when it is neither."""
    body = packed.rstrip("=").replace("-", "+").replace("_", "/")
    with contextlib.suppress(ValueError):
        raw = base64.b64decode(body + "=" * (-len(body) % 4))
        with contextlib.suppress(zlib.error):
            raw = zlib.decompress(raw)
        return raw.decode("utf-8", "replace")
    return ""


def columns(connection: Any) -> Iterator[tuple[str, str]]:
    """Every column of every table with all that stands in it as text."""
    for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall():
        together: dict[str, list[str]] = defaultdict(list)
        for (row,) in connection.execute(f'SELECT to_jsonb(t) FROM "{table}" t').fetchall():
            for name, value in row.items():
                together[f"{table}.{name}"].append(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, values in together.items():
            yield name, "\n".join(values)


def files(folder: Path, without: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder but those below `without`."""
    shut = [path.resolve() for path in without]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not any(path.resolve().is_relative_to(one) for one in shut):
            with contextlib.suppress(OSError):
                yield str(path.relative_to(folder)), path.read_bytes()


class Listener:
    """Everything that goes through a broker while it listens, as one text."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(url.replace("redis+socket://", "unix://", 1))
        self.heard: list[str] = []
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionError), self._client.monitor() as monitor:
            self._ready.set()
            for one in monitor.listen():
                self.heard.append(str(one["command"]))
                if self._stop.is_set():
                    return

    def stop(self) -> str:
        """End, and return what was heard and what is still kept, in every database of the broker."""
        self._stop.set()
        self._client.ping()
        self._thread.join(10)
        return "\n".join([*self.heard, *(repr(one) for one in self._kept())])

    def _kept(self) -> Iterator[Any]:
        for number in self._client.info("keyspace"):
            self._client.select(int(number.removeprefix("db")))
            for key in self._client.scan_iter():
                yield key
                for read in (self._client.get, lambda key: self._client.lrange(key, 0, -1), self._client.hgetall,
                             self._client.smembers, lambda key: self._client.zrange(key, 0, -1)):
                    with contextlib.suppress(ResponseError):
                        yield read(key)
