"""The tables of moves hold no edge that nothing can take."""

from __future__ import annotations

import pytest

from fly2any.kernel.machine import IllegalMove
from payments.models import Refund
from payments.types import RefundState
from tests.property.tally import EDGES, Tally


def test_only_a_refund_that_was_sent_can_fail() -> None:
    """Nobody outside knows of a refund before it is SENT, and what failed at the bank was sent; staff record successes."""
    with pytest.raises(IllegalMove):
        Refund(state=RefundState.REQUESTED).move(RefundState.FAILED)
    assert Refund(state=RefundState.SENT).move(RefundState.FAILED)


def test_the_sums_name_each_edge_that_was_never_taken() -> None:
    tally = Tally()
    tally.add({"edges": dict.fromkeys(sorted(EDGES)[1:], 1), "steps": 10, "stormy": 3})
    assert tally.missing == sorted(EDGES)[:1]
    assert tally.share == 30.0
