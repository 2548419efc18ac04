"""The embedded broker: found again, started again after a kill, never in the way when it is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery
from django.core.cache.backends.base import BaseCache
from kombu.exceptions import OperationalError

from fly2any.cache import ForgivingRedisCache
from fly2any.stack import broker


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "broker"
    yield folder
    broker.stop(folder)


def test_data_survives_a_kill_and_the_socket_is_private(folder: Path) -> None:
    address = broker.ensure(folder)
    client = redis.Redis.from_url(broker.cache_url(address))
    client.set("kept", "7")
    time.sleep(1.2)  # its journal is written every second
    process = broker.server_process(folder)
    assert process is not None
    process.kill()
    process.wait(5)
    assert broker.url_if_present(folder) == ""
    assert broker.ensure(folder) == address
    assert redis.Redis.from_url(broker.cache_url(address)).get("kept") == b"7"
    assert broker.socket_path(folder).stat().st_mode & 0o777 == 0o700


def test_a_second_start_uses_the_first_ones_server(folder: Path) -> None:
    broker.ensure(folder)
    first = broker.server_process(folder)
    broker.ensure(folder)
    assert broker.server_process(folder) == first


def test_without_any_server_there_is_no_address(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_program", lambda: None)
    assert broker.ensure(folder) == ""


def cache_of(address: str) -> BaseCache:
    return ForgivingRedisCache(
        broker.cache_url(address), {"OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1}}
    )


@pytest.mark.failure("R3")
def test_the_cache_forgets_instead_of_failing_when_the_server_is_gone(folder: Path) -> None:
    cache = cache_of(broker.ensure(folder))
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert cache.incr("a") == 2
    broker.stop(folder)
    assert cache.get("a", "nothing") == "nothing"
    cache.set("a", 2)
    assert (cache.add("b", 1), cache.incr("a", 5), cache.has_key("a"), cache.get_many(["a"])) == (True, 5, False, {})


@pytest.mark.failure("R2")
def test_sending_a_task_to_a_dead_broker_fails_at_once(folder: Path, settings: object) -> None:
    app = Celery("probe", broker=broker.url(folder))
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = broker.url(folder)
    before = time.monotonic()
    with pytest.raises(OperationalError):
        app.send_task("bookings.advance", kwargs={"booking_id": 1})
    assert time.monotonic() - before < 5  # a bound against hanging for ever, not a measurement
