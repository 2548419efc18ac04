"""`python -m tests.property.lot --seed S --walks N --steps K`: the walks of one seed, in a database of their own."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.property.tally import Tally
    from tests.property.universe import Universe


def walked(universe: Universe, tally: Tally, *, seed: int, walks: int, steps: int, shrink: bool = True) -> None:
    """Walk so often from this seed. Raises what Hypothesis raises, with the shortest walk that it found in five minutes."""
    from hypothesis import HealthCheck, Phase, settings
    from hypothesis import seed as seeded
    from hypothesis.stateful import run_state_machine_as_test

    from tests.property.machine import walk_of

    chosen = settings(max_examples=walks, stateful_step_count=steps, deadline=None, database=None, print_blob=True,
                      phases=[Phase.generate, *([Phase.shrink] if shrink else [])], suppress_health_check=list(HealthCheck))
    began = time.process_time()
    try:
        run_state_machine_as_test(seeded(seed)(walk_of(universe, tally)), settings=chosen)
    finally:
        tally.seconds += time.process_time() - began


def counted(sums: dict[str, Any]) -> Tally:
    """Sums that were written as JSON, as a tally again."""
    _ready()
    from tests.property.tally import Tally

    tally = Tally()
    tally.add(sums)
    return tally


def _ready(data: Path | None = None) -> None:
    """Django as tests have it, without a server of its own unless there is a folder for one."""
    os.environ.setdefault("DATA_DIR", str(data or tempfile.gettempdir()))
    import django

    from tests import conftest  # noqa: F401 (sets the environment of tests)

    django.setup()


def main() -> int:
    """0: every promise held; 1: one broke, and the story was printed."""
    parser = argparse.ArgumentParser(prog="python -m tests.property.lot", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--walks", type=int, default=100)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--tally", type=Path)
    parser.add_argument("--no-shrink", action="store_true")
    asked = parser.parse_args()
    print(f"seed {asked.seed}, {asked.walks} walks of {asked.steps} steps", flush=True)
    with tempfile.TemporaryDirectory(prefix="lot-") as folder:
        return _in(asked, (asked.data or Path(folder)).resolve())


def _in(asked: argparse.Namespace, data: Path) -> int:
    os.environ["DATA_DIR"] = str(data)
    os.environ.pop("DATABASE_URL", None)
    _ready(data)
    from fly2any.stack import postgres

    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "jit": "off"}
    postgres.ensure(data / "pg", settings=quick, die_with_parent=True)
    try:
        return _walked_on_a_database(asked)
    finally:
        postgres.stop(data / "pg")


def _walked_on_a_database(asked: argparse.Namespace) -> int:
    from django.db import connection

    from tests import stack
    from tests.property.tally import Tally
    from tests.property.universe import universe

    connection.settings_dict["TEST"].update(TEMPLATE=stack.migrated(), MIGRATE=False)
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    tally, broke = Tally(), 0
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with universe() as made:
        try:
            walked(made, tally, seed=asked.seed, walks=asked.walks, steps=asked.steps, shrink=not asked.no_shrink)
        except Exception:
            traceback.print_exc()
            broke = 1
    print(tally.report())
    if asked.tally:
        asked.tally.write_text(json.dumps(tally.as_json()), encoding="utf-8")
    return broke


if __name__ == "__main__":
    sys.exit(main())
