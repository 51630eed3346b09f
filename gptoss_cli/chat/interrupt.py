"""Ctrl-C as a request: the first stops the answer, the second ends the program."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from gptoss_cli.engine.base import Cancel


@contextlib.contextmanager
def stopping(cancel: Cancel) -> Iterator[None]:
    """Inside, the first SIGINT sets `cancel`, a second raises KeyboardInterrupt."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
