"""What a program has loaded at its start is walked by no later round of the garbage collector."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.stack import ROOT

PROGRAMS = {
    "web": "import fly2any.wsgi",
    "worker": "from fly2any.celery import app; app.loader.init_worker(); "
              "from celery.signals import worker_init; worker_init.send(sender=None)",
    "sweeper": "from unittest.mock import patch; from django.core.management import call_command; import django; django.setup(); "
               "p = patch('bookings.sweep.Sweeper.run'); p.start(); call_command('run_sweeper')",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_was_loaded_at_the_start_is_left_alone(name: str) -> None:
    """Otherwise a round costs a tenth of a second, comes seldom, and rubbish waits for it in memory."""
    said = subprocess.run(
        [sys.executable, "-c", f"{PROGRAMS[name]}; import gc; print(len(gc.get_objects()), gc.get_freeze_count())"],
        cwd=ROOT, env={**os.environ, "DJANGO_SETTINGS_MODULE": "fly2any.settings"}, capture_output=True, text=True, check=True)
    walked, left = map(int, said.stdout.split()[-2:])
    assert walked < 20_000 < 100_000 < left
