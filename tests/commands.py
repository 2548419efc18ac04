"""A running site's own process for manage.py commands: Django is started once, each command runs in a fork of it.

Reads one JSON line a command, [words, file for its output, file for its errors]; answers with the exit status.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

import django
from django.core.management import ManagementUtility


def main() -> None:
    """Serve until the pipe is closed."""
    django.setup()
    for line in sys.stdin:
        words, output, errors = json.loads(line)
        child = os.fork()
        if not child:
            _execute(words, output, errors)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _execute(words: list[str], output: str, errors: str) -> None:
    """Run the command in this process and end it."""
    status = 1
    try:
        for number, path in ((1, output), (2, errors)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        ManagementUtility(["manage.py", *words]).execute()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
