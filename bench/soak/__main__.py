"""`python -m bench.soak --minutes 60 --rate 2 --seed 1 [--no-redis] [--out DIR]`: the whole site for an hour under fire.

Exit status 1 when anything that must be true is not. docs/soak.md says what is judged and how to read the report.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")


def main() -> int:
    """Run, judge, report."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long customers come (default 60)")
    parser.add_argument("--rate", type=float, default=2.0, help="customers a second, of whom nearly each books once (default 2)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's customers and troubles")
    parser.add_argument("--no-redis", action="store_true", help="no broker, so no workers: the sweepers do everything")
    parser.add_argument("--every", type=float, default=None, help="seconds between sweeps (default 10; without Redis 1)")
    parser.add_argument("--out", type=Path, default=None, help="folder of the report and logs (default .local/soak/…)")
    parser.add_argument("--calm", action="store_true", help="no trouble at all: what the machine carries")
    asked = parser.parse_args()
    asked.seed = asked.seed if asked.seed is not None else int(time.time()) % 100000
    asked.every = asked.every or (1.0 if asked.no_redis else 10.0)
    import django

    django.setup()
    from bench.soak.run import Soak

    return Soak(asked).run()


if __name__ == "__main__":
    sys.exit(main())
