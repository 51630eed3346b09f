"""A file that is still arriving, on the disk: what is there of it, and whether that is true.

Two files lie beside the blob to be. ``NAME.gptoss.incomplete`` holds the bytes, each at its final
offset. ``NAME.gptoss.journal`` says which of them are there, extent by extent, with the CRC-32 of
the bytes as they came (``models.transfer.journal``). (Not ``NAME.incomplete``: older releases of
huggingface_hub go on from the length of a file of that name, and would take one with holes for
whole.)

**Why nothing that is recorded can be wrong.** The journal is a claim, not a proof: each extent is
read again and compared with its CRC-32 before the next run counts on it (``transfer.proof`` does,
in the pass that hashes the file anyway). So a line may be written before its bytes are known to
be on the platter; a power cut, a damaged sector or another program's hand costs the extents it
touched, and no others.

**Why no interruption costs more than one chunk.** Each of `connections` connections records its
bytes every ``chunk / 4 connections``, and both files are flushed to the disk whenever half a chunk
has been recorded since the last time; who records meanwhile waits. After ``kill -9`` at most a
quarter of a chunk is in no line; after a power cut at most that, the half, and the quarter that
the other connections recorded while the disk was busy: less than a chunk.
"""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gptoss_cli.errors import DiskFullError, DownloadError
from gptoss_cli.models.transfer import journal
from gptoss_cli.models.transfer.journal import NO_PURPOSE, Extent, Header, Purpose

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment,unused-ignore]

DATA_SUFFIX: Final = ".gptoss.incomplete"
JOURNAL_SUFFIX: Final = ".gptoss.journal"
CHUNK_BYTES: Final = 16 << 20
_WRITE_BYTES: Final = 256 << 10
_MOST_PIECES: Final = 512  # POSIX promises less, every system has 1024
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Where there is no fdatasync (macOS), fsync does the same and a little more.
_flush = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Recorded:
    """How far a download came that is not finished."""

    done_bytes: int
    size_bytes: int
    etag: str
    purpose: Purpose = NO_PURPOSE


def data_path(blob: Path) -> Path:
    """Return where the bytes of `blob` are kept until it is whole."""
    return blob.with_name(blob.name + DATA_SUFFIX)


def journal_path(blob: Path) -> Path:
    """Return where the journal of `blob` lies."""
    return blob.with_name(blob.name + JOURNAL_SUFFIX)


def discard(blob: Path) -> None:
    """Remove what there is of an unfinished `blob`; the journal last, for it says what it was."""
    with disk_errors(blob):
        data_path(blob).unlink(missing_ok=True)
        journal_path(blob).unlink(missing_ok=True)


def recorded(blob: Path) -> Recorded | None:
    """Return what the journal of an unfinished `blob` says; None without one that can be read."""
    try:
        told = _read_journal(blob, data_path(blob).stat().st_size)
    except OSError:
        return None
    if told is None:
        return None
    header, extents = told
    done_bytes = sum(e.end - e.start for e in extents)
    return Recorded(done_bytes, header.size_bytes, header.etag, header.purpose)


class Partial:
    """One unfinished blob, open for all threads that fetch it; close it in the end.

    Raises DiskFullError and DownloadError for what the disk refuses, here and in every method.
    """

    def __init__(
        self,
        blob: Path,
        *,
        size_bytes: int,
        etag: str,
        purpose: Purpose = NO_PURPOSE,
        sync_bytes: int = CHUNK_BYTES // 2,
        on_record: Callable[[], None] = lambda: None,
    ) -> None:
        """Go on with what is there of `blob`, if it is of this size and ETag, else begin.

        `purpose` is written down when this begins.
        Both files are flushed after `sync_bytes` that were recorded; `on_record` is called, on any
        thread, after every extent.
        """
        self.blob = blob
        self.epoch = 0
        self._on_record = on_record
        self.size_bytes = size_bytes
        self._header = Header(size_bytes, etag, purpose)
        self._sync_bytes = sync_bytes
        self._unsynced_bytes = 0
        self._extents: dict[int, Extent] = {}
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()
        with disk_errors(blob):
            blob.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as opened:
                self._data = opened.enter_context(_open_for_update(data_path(blob)))
                self._journal = opened.enter_context(_open_for_update(journal_path(blob)))
                self._files = opened.pop_all()
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        with disk_errors(self.blob):
            length = os.fstat(self._data.fileno()).st_size
            told = _read_journal(self.blob, length)
        if told is None or told[0] != self._header or not told[1]:
            self.reset()  # also lines of a journal that has outlived its data
            return
        self._extents = {extent.start: extent for extent in told[1]}
        with disk_errors(self.blob):
            # A line that was cut off must not swallow the next one.
            self._journal.seek(0, os.SEEK_END)
            _write_all(self._journal, b"\n")

    @property
    def done_bytes(self) -> int:
        """How many bytes are recorded."""
        with self._lock:
            return sum(extent.end - extent.start for extent in self._extents.values())

    def missing(self) -> list[tuple[int, int]]:
        """Return the gaps, in order, as (start, end)."""
        with self._lock:
            extents = sorted(self._extents.values(), key=lambda extent: extent.start)
        bounds = [(0, 0), *((e.start, e.end) for e in extents), (self.size_bytes,) * 2]
        gaps = ((before[1], after[0]) for before, after in itertools.pairwise(bounds))
        return [(start, end) for start, end in gaps if start < end]

    def extent_at(self, start: int) -> Extent | None:
        """Return the extent that begins at `start`, if there is one."""
        with self._lock:
            return self._extents.get(start)

    def record(self, start: int, end: int, crc32: int, *, epoch: int) -> None:
        """Note that the bytes `start` to `end` were written; wait for a disk that lags behind.

        What was written before the last reset, in an older `epoch`, does not count.
        """
        with self._lock, disk_errors(self.blob):
            if epoch != self.epoch:
                return
            extent = Extent(start, end, crc32, proven=True)
            _write_all(self._journal, extent.line())
            self._extents[start] = extent
            self._unsynced_bytes += end - start
        self._on_record()
        self._sync_if_due()

    def _sync_if_due(self) -> None:
        with self._sync_lock:
            with self._lock:
                due = self._unsynced_bytes
            if due < self._sync_bytes:
                return
            with disk_errors(self.blob):
                _flush(self._data.fileno())
                _flush(self._journal.fileno())
            with self._lock:
                self._unsynced_bytes -= due

    def forget(self, extent: Extent) -> None:
        """Take back that `extent` is there; the next run will see for itself."""
        with self._lock:
            del self._extents[extent.start]

    def distrust(self) -> None:
        """Take nothing on the disk for proven any more."""
        with self._lock:
            for extent in self._extents.values():
                extent.proven = False

    def reset(self) -> None:
        """Begin from nothing."""
        with self._sync_lock, self._lock, disk_errors(self.blob):
            self.epoch += 1
            self._extents.clear()
            self._journal.seek(0)
            self._journal.truncate()
            self._data.truncate(0)
            _write_all(self._journal, self._header.line())
            self._unsynced_bytes = 0

    @contextlib.contextmanager
    def writer(self, start: int, record_bytes: int) -> Iterator[ExtentWriter]:
        """Yield what takes the bytes from `start` on; they are recorded every `record_bytes`.

        What was taken is recorded at the end, also when that is an error.
        """
        with disk_errors(self.blob), _open_for_update(data_path(self.blob)) as file:
            file.seek(start)
            writer = ExtentWriter(self, file, start, record_bytes)
            try:
                yield writer
            finally:
                writer.close()

    def reader(self) -> io.FileIO:
        """Open the bytes for reading; close the file."""
        with disk_errors(self.blob):
            return data_path(self.blob).open("rb", buffering=0)

    def finish(self) -> None:
        """Give the blob its name, after all bytes are on the disk, and close.

        The journal goes last: without its data it is worth nothing, without the journal the data
        would be fetched again.
        """
        with disk_errors(self.blob):
            _flush_wholly(self._data.fileno())
            self.close()
            data_path(self.blob).replace(self.blob)
            journal_path(self.blob).unlink(missing_ok=True)
            _sync_folder(self.blob.parent)

    def close(self) -> None:
        """Close both files; what is recorded stays. Later calls of other threads fail."""
        with self._sync_lock, self._lock:
            self._files.close()


class ExtentWriter:
    """Writes bytes in large pieces and records them; see ``Partial.writer``."""

    def __init__(self, partial: Partial, file: io.FileIO, start: int, record_bytes: int) -> None:
        self._partial = partial
        self._file = file
        self._epoch = partial.epoch
        self._record_bytes = record_bytes
        self._write_bytes = min(_WRITE_BYTES, record_bytes)
        self._pieces: list[bytes] = []
        self._pending_bytes = 0
        self._start = self._end = start
        self._crc32 = 0

    def add(self, piece: bytes) -> None:
        """Take `piece`, the bytes after those that were added before."""
        self._pieces.append(piece)
        self._pending_bytes += len(piece)
        if self._pending_bytes >= self._write_bytes:
            self._write()
            if self._end - self._start >= self._record_bytes:
                self._record()

    def close(self) -> None:
        """Record the rest."""
        try:
            self._write()
        finally:
            self._record()

    def _write(self) -> None:
        if self._epoch != self._partial.epoch:
            return  # the place belongs to somebody else by now
        pieces, size_bytes = self._pieces, self._pending_bytes
        self._pieces, self._pending_bytes = [], 0
        with disk_errors(self._partial.blob):
            _write_pieces(self._file, pieces)
        for piece in pieces:
            self._crc32 = zlib.crc32(piece, self._crc32)
        self._end += size_bytes

    def _record(self) -> None:
        if self._start < self._end:
            self._partial.record(self._start, self._end, self._crc32, epoch=self._epoch)
            self._start, self._crc32 = self._end, 0


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Translate what the disk refuses into DiskFullError and DownloadError."""
    try:
        yield
    except OSError as error:
        folder = path.parent
        if error.errno in _NO_ROOM:
            large = " for a file this large" if error.errno == errno.EFBIG else ""  # 4 GB on FAT32
            raise DiskFullError(
                f"there is no room left in {folder}{large}.",
                hint="make room, then the same command goes on where this one stopped",
            ) from error
        reason = error.strerror or type(error).__name__
        raise DownloadError(f"cannot read or write in {folder}: {reason}.") from error


def _open_for_update(path: Path) -> io.FileIO:
    # Made if it is not there, kept if it is; the umask decides who may read it. A link that
    # somebody put there is not followed.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return io.FileIO(os.open(path, flags, 0o666), "r+")


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


def _write_pieces(file: io.FileIO, pieces: list[bytes]) -> None:
    """Write `pieces` one behind the other, without a copy of them where the system can."""
    if not pieces:
        return
    written = 0
    if len(pieces) <= _MOST_PIECES and hasattr(os, "writev"):
        written = os.writev(file.fileno(), pieces)
        if written == sum(map(len, pieces)):
            return
    _write_all(file, b"".join(pieces)[written:])


def _read_journal(blob: Path, data_length: int) -> tuple[Header, list[Extent]] | None:
    if not journal_path(blob).is_file():  # reading a pipe would never end
        return None
    with journal_path(blob).open("rb") as file:
        content = file.read(journal.LONGEST_BYTES + 1)
    return None if len(content) > journal.LONGEST_BYTES else journal.parse(content, data_length)


def _flush_wholly(descriptor: int) -> None:
    """Have the bytes on the platter: on macOS fsync leaves them in the drive's own memory."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # type: ignore[attr-defined,unused-ignore]
    except (AttributeError, OSError):  # another system; a disk that cannot
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last; there are systems that cannot, and need not."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
