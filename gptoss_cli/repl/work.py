"""Lines in the order of sending, done one at a time on a thread of their own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from gptoss_cli.engine.base import Cancel
from gptoss_cli.repl.typed import Sent

_END_WAIT_S: Final = 5.0
_IDLE_S: Final = 4.0


class Work:
    """Does lines with `do`, on a thread that ``begin`` starts; `failed` gets what `do` raises.

    When nothing was sent for a while after a line, `idle` is called once; what is sent stops it.
    ``send``, ``stop`` and ``close`` may be called from other threads.
    """

    def __init__(
        self,
        do: Callable[[Sent, Cancel], None],
        failed: Callable[[BaseException], None],
        idle: Callable[[Cancel], None] = lambda _cancel: None,
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
        may_idle = False
        while True:
            with self._changed:
                is_new = self._changed.wait_for(
                    lambda: bool(self._lines) or self._is_over,
                    timeout=_IDLE_S if may_idle else None,
                )
                if self._is_over:
                    return
                if is_new:
                    line = self._lines.popleft()
                    self.cancel.clear()
                    self.is_busy = True
                else:
                    self._idling.clear()
            if is_new:
                self._safely(lambda: self._do(line, self.cancel))  # noqa: B023 - called at once
                self.is_busy = False
            else:
                self._safely(lambda: self._idle(self._idling))
            may_idle = is_new

    def _safely(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - raised again by the screen's thread
            self._failed(error)
