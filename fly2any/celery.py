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
