"""The site's settings, and faults on purpose whose words are full of travellers: in a view, in the database, in a worker.

A stack started with DJANGO_SETTINGS_MODULE=tests.secrecy.breaking breaks where a traveller's given name asks for it.
"""

from __future__ import annotations

from typing import Any

from fly2any import settings as ours

globals().update({name: value for name, value in vars(ours).items() if name.isupper()})

IN_A_VIEW, IN_THE_DATABASE, IN_A_WORKER = "Boomview", "Boomtable", "Boomwork"
MIDDLEWARE = [*ours.MIDDLEWARE, "tests.secrecy.breaking.Broken"]


class Broken:
    """Breaks requests that carry `X-Break` outside of every view, and patches the others in at the first request."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        patch()

    def __call__(self, request: Any) -> Any:
        """Answer, or break over what was sent."""
        if request.headers.get("X-Break"):
            raise ValueError(f"cannot read {request.body!r} of {request.get_full_path()}")
        return self.get_response(request)


def patch() -> None:
    """Book, and send travellers to an airline, only while nobody is called as above."""
    from django.db import connection

    from bookings import services

    book = services._book

    def broken(booking: Any, *more: Any) -> Any:
        for person in booking.passengers.all():
            told = f"{person.given_name} {person.family_name} {person.born_on} {booking.contact_email} {booking.contact_phone}"
            if IN_A_VIEW in person.given_name:
                raise KeyError(told)
            if IN_THE_DATABASE in person.given_name:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT %s::date", [told])
        return book(booking, *more)

    if getattr(book, "__name__", "") != "broken":
        services._book = broken


def patch_worker(**_: Any) -> None:
    """The same for the process that sends travellers to an airline."""
    from bookings.steps import orders

    travellers = orders._travellers

    def broken(booking: Any) -> Any:
        found = travellers(booking)
        if any(IN_A_WORKER in one.given_name for one in found):
            raise RuntimeError(f"cannot send {found!r} to {booking.contact_email}")
        return found

    orders._travellers = broken


def _hook() -> None:
    from celery.signals import worker_ready

    worker_ready.connect(patch_worker, weak=False)


_hook()
