"""Whatever is sent, no call of the API breaks, and every status it answers with is documented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from fly2any.wsgi import application
from suppliers import breaker

pytestmark = pytest.mark.django_db(transaction=True)
schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", application)


@pytest.fixture(autouse=True)
def healthy() -> Iterator[None]:
    """No supplier answers here; the breaker forgets that afterwards."""
    yield
    breaker.reset()


@schema.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
          suppress_health_check=list(HealthCheck))
def test_no_call_breaks(case: Any) -> None:
    with mock.patch("bookings.limits.count"):
        answer = case.call(headers={"Prefer": "respond-async"})
    documented = set(map(str, case.operation.definition.raw["responses"]))
    assert str(answer.status_code) in documented, (answer.status_code, answer.text[:300])
    assert answer.status_code != 500
