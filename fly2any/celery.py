"""The Celery application. Tasks carry ids and are only hints; the tables are the queue."""

import os
import warnings
from typing import Any

from celery import Celery
from kombu.transport import redis
from redis.exceptions import ConnectionError as BrokerGone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")

# root on a laptop or in a container is the owner's choice; tasks are JSON, never pickle
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")


class _Channel(redis.Channel):
    """A way to the broker that says so when the broker has gone.

    Kombu gives unfinished messages back, and acknowledges finished ones, over a connection that was lost meanwhile.
    That ended the worker with an AttributeError; a lost connection is what it knows to live with.
    """

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise BrokerGone("the connection to the broker was closed")
        return super()._connparams(asynchronous)  # type: ignore[no-untyped-call]


redis.Transport.Channel = _Channel
app = Celery("fly2any")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery would close the database connection after every task: a new one costs PostgreSQL 10 to 15 ms of CPU each time.
# Connections live on between tasks; bookings/tasks.py drops one that is broken before it is used again.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000
