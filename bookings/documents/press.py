"""The printing press, a program of its own: JSON facts on standard input, a PDF on standard output.

It runs as a child process (`printing.py`), so that a paper that takes too long, or a fault in the typesetter, ends
here and nowhere else. It imports nothing of ours and reads nothing but this folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typst

HERE = Path(__file__).resolve().parent
NO_DATE = 0  # seconds since 1970: the same facts give the same bytes


def main() -> int:
    """Read the facts, print the paper. A fault is named by its kind only: its words may hold what was printed."""
    facts = json.loads(sys.stdin.buffer.read())
    try:
        paper = typst.compile(
            str(HERE / "itinerary.typ"), root=str(HERE), font_paths=[str(HERE / "fonts")], ignore_system_fonts=True,
            format="pdf", pdf_standards=["ua-1"], timestamp=NO_DATE, sys_inputs={"facts": json.dumps(facts)})
    except typst.TypstError as error:
        sys.stderr.write(type(error).__name__ if "--debug" not in sys.argv else str(error))
        return 1
    sys.stdout.buffer.write(paper)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
