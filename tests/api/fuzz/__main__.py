"""`python -m tests.api.fuzz --examples N --chains N --seed S`: the long form of the API fuzz."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path


def main() -> int:
    """Hand the numbers to the test and run it; returns pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="drawn calls for each operation and role")
    parser.add_argument("--chains", type=int, default=100, help="chains of calls that follow from one another, each role")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10 ** 6), help="repeats a run")
    asked = parser.parse_args()
    os.environ.update(FUZZ_EXAMPLES=str(asked.examples), FUZZ_CHAINS=str(asked.chains), FUZZ_SEED=str(asked.seed),
                      LOG_LEVEL="CRITICAL")
    import pytest

    tests = Path(__file__).resolve().parents[2]
    return pytest.main(["-q", "-s", "--tb=short", "--no-header", "-p", "no:logging", str(tests / "api/test_fuzz.py"),
                        str(tests / "hostile/test_webhooks.py")])


if __name__ == "__main__":
    sys.exit(main())
