"""What a list hides cannot be asked out of it letter by letter, and no address can make it read a whole table."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import reverse

from tests.console import rows
from tests.console.test_readonly import one_of_each, registered

__all__ = ["one_of_each"]
pytestmark = pytest.mark.django_db


def listed(model: str, query: str) -> str:
    return reverse(f"admin:{model}_changelist") + query


@pytest.mark.parametrize(("model", "lookup"), [
    ("payments_payment", "client_secret__startswith=THISMUSTNOTSHOW"), ("bookings_booking", "principal__gt=a"),
    ("bookings_outbox", "context__link__startswith=SECRET"), ("bookings_outbox", "context__icontains=SECRET"),
    ("bookings_booking", "trip_digest=a"), ("bookings_booking", "contact_email__regex=(a%2B)%2B$"),
    ("bookings_diary", "cause__icontains=a"), ("bookings_booking", "user__password__startswith=argon"),
    ("bookings_booking", "passengers__document__gt=a"), ("bookings_booking", "status__regex=C"),
    ("bookings_staffaction", "operator__password__startswith=a")])
def test_a_lookup_that_is_not_offered_is_refused(
        model: str, lookup: str, one_of_each: Any, client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_superuser("boss"))
    assert client.get(listed(model, "")).status_code == 200
    assert client.get(listed(model, f"?{lookup}")).status_code == 400


def test_the_links_that_the_console_itself_makes_still_narrow(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_superuser("boss"))
    rows.confirmed()
    for address in (listed("bookings_booking", "?due_at__lte=2020-01-01T00:00Z&parked_at__isnull=True"),
                    listed("bookings_booking", "?status__exact=CONFIRMED&route__exact=instant&wish__exact=book"),
                    listed("payments_refund", "?state__exact=requested"), listed("payments_payment", "?disputed__exact=0"),
                    listed("bookings_proposal", "?decided=yes")):
        assert client.get(address).status_code == 200, address


def test_no_hidden_column_is_offered_to_narrow_by(django_user_model: Any) -> None:
    request = RequestFactory().get("/")
    for model in registered():
        page: Any = admin.site._registry[model]
        for field in model._meta.fields:
            may = page.lookup_allowed(f"{field.name}__exact", "x", request)
            assert not (may and field.name in page.hidden), field
            assert not page.lookup_allowed(f"{field.name}__startswith", "x", request), field
