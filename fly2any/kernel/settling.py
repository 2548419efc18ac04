"""What a long-running program has loaded at its start is left out of every later round of the garbage collector.

Without this Python goes through some 600,000 objects that never go, and therefore does so seldom: what has become
rubbish meanwhile (answers of vendors, traces of errors) stays in memory until then (bench/soak, docs/soak.md).
"""

import gc

from django.urls import get_resolver


def settle() -> None:
    """Load what requests and mails would load first, and take all that is there now for permanent. Before any fork."""
    _ = get_resolver().url_patterns
    gc.collect()
    gc.freeze()
