"""The WSGI entry: web processes use the pool and short time-outs, and refuse wrong settings."""

import os
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")
os.environ.setdefault("DB_POOL", "1")
os.environ.setdefault("DB_STATEMENT_TIMEOUT_MS", "5000")
os.environ.setdefault("BROKER_TIMEOUT_SECONDS", "1")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from django.db import DatabaseError, connection  # noqa: E402

from bookings import copies  # noqa: E402
from fly2any import checks  # noqa: E402
from fly2any.kernel import counting, settling  # noqa: E402

checks.refuse_wrong_settings()
with suppress(DatabaseError):  # away: /readyz says so until it is back
    copies.check()
connection.close()
settling.settle()
counting.start()
