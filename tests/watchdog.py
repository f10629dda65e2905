"""Interrupts what hangs, so that a test of it ends."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Processor time after which something hangs; what is watched takes a second or two.
PATIENCE = 120.0


@contextmanager
def watched() -> Iterator[None]:
    """Fail where the body does not end."""

    def hangs(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError("hangs")

    before = signal.signal(signal.SIGVTALRM, hangs)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)
