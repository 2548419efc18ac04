#!/usr/bin/env python
"""Django's command line for Fly2Any."""

import os
import sys


def main() -> None:
    """Run the command given on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")
    if "migrate" in sys.argv[1:2]:
        os.environ.setdefault("DB_STATEMENT_TIMEOUT_MS", "0")  # a migration may take its time; its locks may not
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:  # a wrong setting is one line, not a trace
        sys.exit(f"fly2any: {problem}")


if __name__ == "__main__":
    main()
