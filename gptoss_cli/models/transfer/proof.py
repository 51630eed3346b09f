"""Whether the bytes on the disk are the file the hub describes: hashed as they come, in order."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from gptoss_cli.errors import DownloadError
from gptoss_cli.models.transfer.gaps import Gaps
from gptoss_cli.models.transfer.journal import Extent
from gptoss_cli.models.transfer.partial import Partial, disk_errors
from gptoss_cli.models.transfer.remote import RemoteFile

if TYPE_CHECKING:
    from hashlib import _Hash

_READ_BYTES: Final = 1 << 20
_POLL_S: Final = 0.1


class StoppedError(Exception):
    """The thread that raises it is not needed any more."""


class Digest:
    """What the bytes of a file must come to: its sha256, or git's sha1 where the hub has no other.

    Git hashes "blob", the size and a zero byte before the content (gitformat-pack(5), blob ids).
    Raises DownloadError for a file that has neither.
    """

    def __init__(self, remote: RemoteFile) -> None:
        self._size_bytes = remote.size_bytes
        self.expected = (remote.sha256 or remote.etag).lower()
        if not re.fullmatch("[0-9a-f]{64}|[0-9a-f]{40}", self.expected):
            raise DownloadError("the hub has no digest of this file to check it by.", hint="")

    def new(self) -> _Hash:
        """Return the hash before the first byte."""
        if len(self.expected) == 64:
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % self._size_bytes, usedforsecurity=False)


class Prover:
    """Follows the connections through the file, from its first byte to its last.

    Extents of an earlier run are compared with their CRC-32 on the way. What is not as it was
    received is given back to be fetched again, and `on_damage` is called.
    """

    def __init__(
        self,
        partial: Partial,
        gaps: Gaps,
        digest: Digest,
        *,
        arrived: threading.Event,
        stop: threading.Event,
        on_damage: Callable[[], None],
    ) -> None:
        """`arrived` is set after each extent that is recorded, `stop` ends the work."""
        self._partial = partial
        self._gaps = gaps
        self._digest = digest
        self._arrived = arrived
        self._stop = stop
        self._on_damage = on_damage
        self._buffer = memoryview(bytearray(_READ_BYTES))

    def prove(self) -> str:
        """Wait for all bytes; return their digest in hexadecimal.

        Raises StoppedError when that is asked for, DownloadError for what the disk refuses.
        """
        with self._partial.reader() as file:
            while True:
                result = self._hash_all(file, self._gaps.epoch)
                if result is not None:
                    return result

    def _hash_all(self, file: io.FileIO, epoch: int) -> str | None:
        """Return the digest of the file; None if everything was begun anew meanwhile."""
        at, running = 0, self._digest.new()
        while at < self._gaps.size_bytes:
            extent = self._wait_for(at, epoch)
            if extent is None:
                return None
            updated = self._hash_extent(file, extent, running.copy())
            if updated is None:
                self._give_back(extent, epoch)
            else:
                at, running = extent.end, updated
        return running.hexdigest() if epoch == self._gaps.epoch else None

    def _wait_for(self, start: int, epoch: int) -> Extent | None:
        while epoch == self._gaps.epoch:
            self._arrived.clear()
            extent = self._partial.extent_at(start)
            if extent is not None:
                return extent
            if self._stop.is_set():
                raise StoppedError
            self._arrived.wait(_POLL_S)
        return None

    def _hash_extent(self, file: io.FileIO, extent: Extent, running: _Hash) -> _Hash | None:
        """Return `running` after the bytes of `extent`; None if they are not what was received."""
        crc32, left_bytes = 0, extent.end - extent.start
        with disk_errors(self._partial.blob):
            file.seek(extent.start)
            while left_bytes:
                if self._stop.is_set():
                    raise StoppedError
                count = file.readinto(self._buffer[:left_bytes])
                if not count:
                    return None
                running.update(self._buffer[:count])
                if not extent.proven:
                    crc32 = zlib.crc32(self._buffer[:count], crc32)
                left_bytes -= count
        if not extent.proven and crc32 != extent.crc32:
            return None
        extent.proven = True
        return running

    def _give_back(self, extent: Extent, epoch: int) -> None:
        if not self._gaps.lose(extent, epoch):
            return
        if extent.proven:  # written by this very run: fetching it again would not help
            raise DownloadError("another program changes the file that is being downloaded.")
        self._on_damage()
