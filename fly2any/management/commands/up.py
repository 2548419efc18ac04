"""`manage.py up`: database, broker, migrations, a staff user, and all programs of the site, until Ctrl-C."""

from __future__ import annotations

import io
import secrets
import signal
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, connections

from fly2any import checks
from fly2any.stack import broker, postgres, site
from fly2any.stack.supervisor import Supervisor

STAFF = "staff"
TRAINING = ("viewer", "operator", "finance", "manager", "engineer")  # one each, to train with
_READY_SECONDS = 90.0


class Command(BaseCommand):
    """This command will run the whole site until it is interrupted."""

    help = "Start everything: PostgreSQL, broker, sandbox, web, worker, sweeper. Ctrl-C stops it all."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; every foreseeable failure ends as one line."""
        self.supervisor = Supervisor()
        self.stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            checks.refuse_wrong_settings()
            lock = site.take_lock(settings.DATA_DIR)
            site.check_port("WEB_PORT", settings.WEB_PORT)
            if site.own_sandbox():
                site.check_port("SANDBOX_PORT", settings.SANDBOX_PORT)
        except (ImproperlyConfigured, site.CannotStart) as problem:
            raise CommandError(str(problem)) from None
        with lock:
            self._run()

    def _run(self) -> None:
        started = time.monotonic()
        owns_database = not settings.DATABASE_URL and not postgres.running(settings.POSTGRES_DIR)
        owns_broker = not settings.REDIS_URL
        try:
            broker_url = self._prepare()
            for program in site.programs(broker_url):
                self.supervisor.start(program)
            self._announce_when_ready(started)
            self.supervisor.run(self.stopping, self._watch_servers)
        except (postgres.PostgresError, site.CannotStart, Error) as problem:
            raise CommandError(str(problem).strip().splitlines()[0]) from None
        finally:
            self.supervisor.say("stopping")
            self.supervisor.stop()
            if owns_broker:
                broker.stop(settings.BROKER_DIR)
            connections.close_all()
            if owns_database:
                postgres.stop(settings.POSTGRES_DIR)
            self.supervisor.say("stopped")

    def _prepare(self) -> str:
        """Database and broker up, schema current, a staff user there. Returns the broker's address, maybe empty."""
        say = self.supervisor.say
        if not settings.DATABASE_URL:
            postgres.ensure(settings.POSTGRES_DIR, die_with_parent=True)
            # the first start as root without user namespaces moves the socket elsewhere
            connections["default"].settings_dict["HOST"] = str(postgres.socket_dir(settings.POSTGRES_DIR))
        broker_url = settings.REDIS_URL or broker.ensure(settings.BROKER_DIR, die_with_parent=True)
        if not broker_url:
            say("no broker: the sweeper alone drives the bookings, a few seconds slower (set REDIS_URL for a broker)")
        call_command("migrate", interactive=False, verbosity=0)
        if settings.HTTPS:
            call_command("collectstatic", interactive=False, verbosity=0)
        self._staff_user()
        self._training_staff()
        return broker_url

    def _staff_user(self) -> None:
        """Make the first staff user with a random password, kept in a private file; an existing one stays as it is."""
        users = get_user_model()
        if users.objects.filter(is_superuser=True).exists():
            return
        password = secrets.token_urlsafe(12)
        self._keep(settings.SECRETS_DIR / "staff_password", password)
        users.objects.create_superuser(STAFF, "", password)

    @staticmethod
    def _keep(file: Path, password: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(password, encoding="ascii")

    def _training_staff(self) -> None:
        """On a site where no real money moves: one user per role, to train with; those who are there stay."""
        if not settings.SANDBOX or checks.production():
            return
        kept = settings.SECRETS_DIR / "training_password"
        if not kept.exists():
            self._keep(kept, secrets.token_urlsafe(12))
        known = set(get_user_model().objects.filter(username__in=TRAINING).values_list("username", flat=True))
        for role in TRAINING:
            if role not in known:
                call_command("make_staff", role, role=role, password_file=kept, stdout=io.StringIO())

    def _announce_when_ready(self, started: float) -> None:
        say, waiting_since = self.supervisor.say, time.monotonic()  # preparing a first start takes its own time
        while not site.ready():
            if self.stopping.wait(0.05):
                return
            self.supervisor.tick()
            if time.monotonic() - waiting_since > _READY_SECONDS:
                raise site.CannotStart(f"the site was not ready after {_READY_SECONDS:.0f} s; see the lines above")
        kept = settings.SECRETS_DIR / "staff_password"
        password = kept.read_text(encoding="ascii") if kept.exists() else "(yours)"
        say("")
        say(f"READY in {time.monotonic() - started:.1f} s        Ctrl-C stops everything")
        say(f"site      {settings.SITE_URL}/")
        say(f"console   {settings.SITE_URL}/admin/     user {STAFF}     password {password}")
        training = settings.SECRETS_DIR / "training_password"
        if training.exists():
            say(f"          to train: {', '.join(TRAINING)}     password {training.read_text(encoding='ascii')}")
        if settings.ADMIN_NEEDS_OTP:
            say("          the console asks for a second factor, and leads you through setting it up")
        say(f"API       {settings.SITE_URL}/api/docs")
        if site.own_sandbox():
            say(f"sandbox   http://127.0.0.1:{settings.SANDBOX_PORT}/     TEST: no real airline, no real bank")
        if not settings.EMAIL_URL:
            say(f"mail      {settings.MAIL_DIR}")
        say("")

    def _watch_servers(self) -> None:
        """Bring the embedded servers back if somebody killed them."""
        if not settings.DATABASE_URL and not postgres.running(settings.POSTGRES_DIR):
            self.supervisor.say("PostgreSQL ENDED; starting it again", colour=31)
            postgres.ensure(settings.POSTGRES_DIR, die_with_parent=True)
        if (
            not settings.REDIS_URL
            and broker.server_process(settings.BROKER_DIR) is None
            and broker.ensure(settings.BROKER_DIR, die_with_parent=True)
        ):
            self.supervisor.say("the broker had ENDED; it runs again", colour=31)
