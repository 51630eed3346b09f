"""Lines in the order of sending, done one at a time on a thread of their own."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from gptoss_cli.engine.base import Cancel
from gptoss_cli.repl.typed import Sent

_END_WAIT_S: Final = 5.0
PREFILL_AFTER_S: Final = 0.3
"""So long after an answer is its end being drawn, and whoever is quick has sent a command."""

IdleJob = tuple[float, Callable[[Cancel], None]]
"""What to do when nothing was sent for so many seconds; the Cancel stops it."""


@contextlib.contextmanager
def meanwhile(job: IdleJob) -> Iterator[None]:
    """Do a job on a thread of its own while the block waits for the person; its end stops it."""
    cancel = Cancel()
    after_s, do = job
    timer = threading.Timer(after_s, do, [cancel])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        cancel.set()
        timer.join()


class Work:
    """Does lines with `do`, on a thread that ``begin`` starts; `failed` gets what `do` raises.

    When nothing is sent for a while, first or after a line, the jobs of `idle` are done one after
    the other, once; what is sent stops them. ``send``, ``stop`` and ``close`` may be called from
    other threads.
    """

    def __init__(
        self,
        do: Callable[[Sent, Cancel], None],
        failed: Callable[[BaseException], None],
        *idle: IdleJob,
    ) -> None:
        self._do = do
        self._idle = idle
        self._idling = Cancel()
        self._failed = failed
        self._lines: deque[Sent] = deque()
        self._changed = threading.Condition()
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="gptoss-chat", daemon=True)
        self._first: Callable[[], None] = lambda: None
        self.cancel = Cancel()
        self.is_busy = False

    @property
    def waiting(self) -> int:
        """How many lines are sent and not begun."""
        return len(self._lines)

    def begin(self, first: Callable[[], None]) -> None:
        """Start the thread, which does `first` before any line."""
        self._first = first
        self._thread.start()

    def send(self, line: Sent) -> None:
        """Do `line` after all that was sent before."""
        with self._changed:
            self._lines.append(line)
            self._idling.set()
            self._changed.notify()

    def stop(self) -> list[Sent]:
        """Stop what goes on; return the lines that were not begun, which are not done."""
        with self._changed:
            self.cancel.set()
            taken, self._lines = list(self._lines), deque()
            return taken

    def close(self) -> None:
        """Stop, and wait for the thread to end."""
        self.stop()
        with self._changed:
            self._is_over = True
            self._idling.set()
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(_END_WAIT_S)

    def _run(self) -> None:
        self._safely(self._first)
        left = list(self._idle)
        while True:
            with self._changed:
                is_new = self._changed.wait_for(
                    lambda: bool(self._lines) or self._is_over,
                    timeout=left[0][0] if left else None,
                )
                if self._is_over:
                    return
                if is_new:
                    line = self._lines.popleft()
                    self.cancel.clear()
                    self.is_busy = True
                else:
                    self._idling = Cancel()  # what was stopped stays so, if it still ends
            if is_new:
                self._safely(lambda: self._do(line, self.cancel))  # noqa: B023 - called at once
                self.is_busy = False
                left = list(self._idle)
            else:
                _, job = left.pop(0)
                self._safely(lambda: job(self._idling))  # noqa: B023 - called at once

    def _safely(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised again by the screen's thread
            self._failed(error)
