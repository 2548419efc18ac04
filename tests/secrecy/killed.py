"""A piece of work in a process of its own that may kill itself on the way."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from django.db import connections


def in_child(work: Callable[[], object]) -> bool:
    """Run `work` in a forked process; True when it ended by SIGKILL, False when it came to its end."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:  # never returns: no test machinery of the parent may run in the child
        code = 1
        try:
            work()
            connections.close_all()
            code = 0
        except BaseException as error:
            sys.stderr.write(f"child: {error!r}\n")
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, how = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(how) and os.WTERMSIG(how) == signal.SIGKILL
    assert killed or how == 0, f"the child ended with {how}"
    return killed
