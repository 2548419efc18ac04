"""One page of somebody else's list, and the mark after which it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some objects of a list. `after` is the mark to ask for the next page with; "" on the last page.

    `unread` are the ids of objects on it whose identity, money or state made no sense to us.
    """

    items: tuple[T, ...]
    after: str = ""
    unread: tuple[str, ...] = ()


def everything(ask: Callable[[str], Page[T]]) -> Iterator[T]:
    """Every object of a list, a page at a time. `ask` takes the mark ("" for the first page).

    Ends as well when a vendor's mark stands still, or comes again.
    """
    mark, seen = "", {""}
    while True:
        page = ask(mark)
        yield from page.items
        mark = page.after
        if mark in seen:
            return
        seen.add(mark)
