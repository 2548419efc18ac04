"""State on disk: documents by kind and id, kept parsed in memory, written through to SQLite.

One writer, one thread. Everything between ``begin`` and ``commit`` happens or does not happen; ``rollback`` also
forgets every document that was handed out meanwhile, so a caller may change a document it got if it ``put``s it back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Doc = dict[str, Any]
Key = tuple[str, str]

# Parsed documents kept in memory; beyond it the oldest half is dropped and read again from disk when asked for.
CACHE_LIMIT = 60_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS docs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (kind, id));
CREATE TABLE IF NOT EXISTS tags (
    kind TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (kind, id, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_by_value ON tags (kind, name, value);
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, vendor TEXT NOT NULL, event TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS ledger_by_event ON ledger (vendor, event);
CREATE TABLE IF NOT EXISTS timers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, vendor TEXT NOT NULL, action TEXT NOT NULL,
    payload TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS timers_by_due ON timers (due);
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, vendor TEXT NOT NULL, type TEXT NOT NULL,
    url TEXT NOT NULL, secret TEXT, body BLOB NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending', last_status INTEGER);
CREATE INDEX IF NOT EXISTS webhooks_by_event ON webhooks (event_id);
CREATE INDEX IF NOT EXISTS webhooks_by_state ON webhooks (state, due);
"""
TABLES = ("docs", "tags", "ledger", "timers", "faults", "webhooks")


_COMPACT = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def dumps(value: Any) -> str:
    """Render compact JSON."""
    return _COMPACT.encode(value)


class Store:
    """Documents in memory and on disk; see the module's first lines for the rules."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(folder / "sandbox.sqlite3", isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.execute("PRAGMA busy_timeout=5000")
        self.db.executescript(SCHEMA)
        self._cache: dict[Key, Doc] = {}
        self._pending: dict[Key, tuple[Doc, dict[str, str]]] = {}
        self._touched: set[Key] = set()
        self._depth = 0
        self._open = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside happen or not happen; a nested use joins the outer one."""
        if self._depth:
            yield
            return
        self._depth = 1
        try:
            yield
            self._flush()
            if self._open:
                self.db.execute("COMMIT")
        except BaseException:
            self._forget()
            raise
        finally:
            self._depth = 0
            self._open = False
            self._touched.clear()
            self._pending.clear()
        self._trim()

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one writing statement inside the present transaction."""
        if not self._depth:
            with self.transaction():
                return self.write(sql, values)
        self._begin()
        return self.db.execute(sql, values)

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Run one reading statement; it sees what the present transaction wrote."""
        return self.db.execute(sql, values).fetchall()

    def get(self, kind: str, id: str) -> Doc | None:
        """Return the document or None. Change it only if you ``put`` it back in the same transaction."""
        key = (kind, id)
        doc = self._cache.get(key)
        if doc is None:
            found = self.db.execute("SELECT body FROM docs WHERE kind = ? AND id = ?", key).fetchone()
            if found is None:
                return None
            doc = self._cache[key] = json.loads(found[0])
        if self._depth:
            self._touched.add(key)
        return doc

    def put(self, kind: str, id: str, doc: Doc, **tags: str | None) -> None:
        """Write a document; ``tags`` are what ``find`` can look it up by. A tag not named keeps its value."""
        if not self._depth:
            raise RuntimeError("put outside a transaction")
        key = (kind, id)
        earlier = self._pending.get(key)
        known = {name: str(value) for name, value in tags.items() if value is not None}
        self._pending[key] = (doc, {**earlier[1], **known} if earlier else known)
        self._cache[key] = doc
        self._touched.add(key)

    def drop(self, kind: str, id: str) -> None:
        """Delete a document and its tags."""
        self._pending.pop((kind, id), None)
        self._touched.add((kind, id))
        self.write("DELETE FROM docs WHERE kind = ? AND id = ?", (kind, id))
        self.write("DELETE FROM tags WHERE kind = ? AND id = ?", (kind, id))
        self._cache.pop((kind, id), None)

    def find(self, kind: str, **tags: str) -> list[Doc]:
        """Return the documents that carry all these tags, in the order they were first put."""
        return [doc for _, doc in self.page(kind, tags)]

    def page(
        self,
        kind: str,
        tags: dict[str, str],
        *,
        newest_first: bool = False,
        before: int | None = None,
        after: int | None = None,
        limit: int = -1,
    ) -> list[tuple[int, Doc]]:
        """Return (position, document) pairs that carry all these tags; positions grow with insertion."""
        self._flush()
        sql, values = ["SELECT d.seq, d.id FROM docs d"], []
        for number, (name, value) in enumerate(tags.items()):
            sql.append(
                f"JOIN tags t{number} ON t{number}.kind = d.kind AND t{number}.id = d.id"
                f" AND t{number}.name = ? AND t{number}.value = ?"
            )
            values += [name, str(value)]
        sql.append("WHERE d.kind = ?")
        values.append(kind)
        if before is not None:
            sql.append("AND d.seq < ?")
            values.append(str(before))
        if after is not None:
            sql.append("AND d.seq > ?")
            values.append(str(after))
        sql.append(f"ORDER BY d.seq {'DESC' if newest_first else 'ASC'} LIMIT {int(limit)}")
        found = self.db.execute(" ".join(sql), values).fetchall()
        return [(seq, doc) for seq, id in found if (doc := self.get(kind, id)) is not None]

    def copy(self) -> sqlite3.Connection:
        """Return everything as it is now, in memory."""
        kept = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.backup(kept)
        return kept

    def bring_back(self, kept: sqlite3.Connection) -> None:
        """Be as `copy` found it."""
        kept.backup(self.db)
        self._cache.clear()

    def wipe(self) -> None:
        """Empty every table and the memory."""
        with self.transaction():
            for table in TABLES:
                self.write(f"DELETE FROM {table}")
            self._pending.clear()
        self._cache.clear()

    def _begin(self) -> None:
        if not self._open:
            self.db.execute("BEGIN IMMEDIATE")
            self._open = True

    def _flush(self) -> None:
        if not self._pending:
            return
        self._begin()
        pending, self._pending = self._pending, {}
        for (kind, id), (doc, tags) in pending.items():
            self.db.execute(
                "INSERT INTO docs (kind, id, body) VALUES (?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                (kind, id, dumps(doc)),
            )
            for name, value in tags.items():
                self.db.execute(
                    "INSERT OR REPLACE INTO tags (kind, id, name, value) VALUES (?, ?, ?, ?)", (kind, id, name, value)
                )

    def _forget(self) -> None:
        if self._open:
            self.db.execute("ROLLBACK")
        for key in self._touched:
            self._cache.pop(key, None)

    def _trim(self) -> None:
        if len(self._cache) > CACHE_LIMIT:
            for key in list(self._cache)[: CACHE_LIMIT // 2]:
                del self._cache[key]
