"""The Celery application. Tasks carry ids and are only hints; the tables are the queue."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")

app = Celery("fly2any")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
