"""The product's settings with one more app, for the one `manage.py migrate` of the soak."""

from fly2any.settings import *  # noqa: F403
from fly2any.settings import INSTALLED_APPS as _INSTALLED

INSTALLED_APPS = [*_INSTALLED, "bench.soak.schema.apps.SoakSchema"]
