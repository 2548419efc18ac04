"""`python -m tests.storm --walks N --seed S [--steps K]`: the long form of the storm."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    """Hand the numbers to the test and run it; returns pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    parser.add_argument("--walks", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="the first walk's seed; each walk prints its own on failure")
    parser.add_argument("--steps", type=int, default=40)
    asked = parser.parse_args()
    os.environ.update(STORM_WALKS=str(asked.walks), STORM_SEED=str(asked.seed), STORM_STEPS=str(asked.steps))
    import pytest

    return pytest.main(["-q", "-s", "--tb=short", "--no-header", "-p", "no:logging", str(Path(__file__).with_name("test_storm.py"))])


if __name__ == "__main__":
    sys.exit(main())
