"""The Celery application. Tasks carry ids and are only hints; the tables are the queue."""

import os
import warnings

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")

# root on a laptop or in a container is the owner's choice; tasks are JSON, never pickle
warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")

app = Celery("fly2any")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery would close the database connection after every task: a new one costs PostgreSQL 10 to 15 ms of CPU each time.
# Connections live on between tasks; bookings/tasks.py drops one that is broken before it is used again.
app.conf["CELERY_DB_REUSE_MAX"] = 1_000_000
