"""Fly2Any: the house. Importing it makes the Celery application the default one for `shared_task`."""

from fly2any.celery import app as celery_app

__all__ = ["celery_app"]
