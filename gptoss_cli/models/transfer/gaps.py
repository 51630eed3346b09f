"""What of one file is still to be fetched, shared by the threads that fetch and check it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from gptoss_cli.models.transfer.journal import Extent
from gptoss_cli.models.transfer.partial import Partial

_CHUNKS_PER_REQUEST: Final = 4


@dataclass(slots=True)
class Gap:
    """Bytes `start` to `end` (not included) that one connection fetches; `start` moves along.

    After everything was begun anew, in another ``epoch``, it means nothing.
    """

    start: int
    end: int
    epoch: int


class Gaps:
    """Hands out gaps from the beginning of the file to its end, each to one taker.

    ``done_bytes`` are there or on their way to the disk, ``best_bytes`` the most there ever were,
    ``received_bytes`` came over the network. ``epoch`` counts how often everything was begun anew.
    """

    def __init__(self, partial: Partial, *, connections: int, chunk_bytes: int) -> None:
        self._partial = partial
        self._connections = connections
        self._chunk_bytes = chunk_bytes
        self._lock = threading.Lock()
        self._gaps: deque[tuple[int, int]] = deque()
        self.epoch = 0
        self.size_bytes = partial.size_bytes
        self.done_bytes = self.best_bytes = partial.done_bytes
        self.received_bytes = 0

    def refill(self) -> None:
        """Look at the disk for what is missing; nobody may be fetching."""
        with self._lock:
            self._gaps = deque(self._partial.missing())

    def takers(self) -> int:
        """Return for how many connections there is work."""
        with self._lock:
            return -(-sum(end - start for start, end in self._gaps) // self._chunk_bytes)

    def take(self) -> Gap | None:
        """Return the next gap, a few chunks at most; None when none is left."""
        with self._lock:
            if not self._gaps:
                return None
            start, end = self._gaps.popleft()
            # Smaller towards the end, so that all connections are done at about the same time.
            share = (self.size_bytes - self.done_bytes) // (2 * self._connections)
            most = min(share, _CHUNKS_PER_REQUEST * self._chunk_bytes)
            length = max(self._chunk_bytes, most)
            if start + length < end:
                self._gaps.appendleft((start + length, end))
                end = start + length
            return Gap(start, end, self.epoch)

    def count(self, gap: Gap, size_bytes: int) -> bool:
        """Count bytes that came for `gap`; False if nobody wants them any more."""
        with self._lock:
            if gap.epoch != self.epoch:
                return False
            self.done_bytes += size_bytes
            self.received_bytes += size_bytes
            self.best_bytes = max(self.best_bytes, self.done_bytes)
            return True

    def put_back(self, gap: Gap) -> None:
        """Leave what has not come of `gap` to the next taker."""
        with self._lock:
            if gap.epoch == self.epoch and gap.start < gap.end:
                self._gaps.appendleft((gap.start, gap.end))

    def lose(self, extent: Extent, epoch: int) -> bool:
        """Have `extent` fetched again; False if everything was begun anew since `epoch`."""
        with self._lock:
            if epoch != self.epoch:
                return False
            self._partial.forget(extent)
            self._gaps.append((extent.start, extent.end))
            self.done_bytes -= extent.end - extent.start
            return True

    def begin_anew(self, gap: Gap | None = None) -> Gap | None:
        """Forget everything that is there; return the whole file, for one taker.

        None, and nothing is forgotten, if `gap`, for whose sake that is, is of an older epoch.
        """
        with self._lock:
            if gap is not None and gap.epoch != self.epoch:
                return None
            self.epoch += 1
            self._gaps.clear()
            self.done_bytes = 0
            self._partial.reset()
            return Gap(0, self.size_bytes, self.epoch)
