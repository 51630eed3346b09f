"""One file to one document: what may be opened, how much of it is read, and by whom."""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from gptoss_cli.documents.contents import Contents, document_of, empty, is_plain
from gptoss_cli.documents.conversion import check, convert
from gptoss_cli.documents.document import MOST_TEXT_BYTES, Document, too_large
from gptoss_cli.documents.folders import near
from gptoss_cli.documents.jobs import Job, Limits
from gptoss_cli.documents.kinds import HEAD_BYTES, kind_of
from gptoss_cli.errors import UsageError

_MOST_FILE_BYTES: Final = 256 << 20  # of a format in which little may be text: PDF, slides
_PIECE_BYTES: Final = 1 << 20
_SPECIAL: Final = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Reads files, until ``cancelled``; ``local`` is the encoding of the locale."""

    cancelled: Callable[[], bool]
    limits: Limits
    local: str

    def read(self, path: Path, name: str) -> Document:
        """Return the document in the file `path`, which is called `name`.

        Raises UsageError, which names it, when it cannot be read, CancelledError.
        """
        try:
            _check_type(path.stat().st_mode, name)
            # Not waiting, for it may have become a pipe, and there are files that wait.
            flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(path, flags), "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                _check_type(status.st_mode, name)
                return self.opened(file, status.st_size, name)
        except OSError as error:
            raise _unreadable(error, path, name) from error

    def opened(self, file: IO[bytes], size_bytes: int, name: str) -> Document:
        """Return the document in the open `file`; those of /proc say that they have 0 bytes."""
        head = b"".join(_pieces(file, HEAD_BYTES))
        if not head:
            raise empty(name)
        kind = kind_of(head, name)
        most_bytes = MOST_TEXT_BYTES if is_plain(kind) else _MOST_FILE_BYTES
        if size_bytes > most_bytes:
            raise too_large(name, size_bytes, most_bytes)
        if not is_plain(kind):
            return self._converted(file, head, size_bytes, name)
        pieces = [head]
        length = len(head)
        for piece in _pieces(file, most_bytes + 1 - length):
            check(self.cancelled)
            pieces.append(piece)
            length += len(piece)
        if length > most_bytes:
            raise too_large(name, 0)
        return document_of(Contents(b"".join(pieces)), name, self.local)

    def convert(self, file: IO[bytes], name: str, *, is_address: bool = False) -> Document:
        """Return the document in `file`, or at the address in it, read in a child process."""
        file.flush()
        file.seek(0)
        job = Job(name=name, is_address=is_address, local=self.local, limits=self.limits)
        return convert(file, job, cancelled=self.cancelled)

    def _converted(self, file: IO[bytes], head: bytes, size_bytes: int, name: str) -> Document:
        if size_bytes and isinstance(file, io.FileIO):
            return self.convert(file, name)
        with tempfile.TemporaryFile() as copy:
            copy.write(head)
            for piece in _pieces(file, _MOST_FILE_BYTES - len(head)):
                check(self.cancelled)
                copy.write(piece)
            return self.convert(copy, name)


def _check_type(mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        folder = name.rstrip("/" + os.sep) or name
        raise UsageError(
            f"{name} is a folder.", hint=f"its files: {folder}/*, with those below: {folder}/**"
        )
    for is_special, what in _SPECIAL:
        if is_special(mode):
            raise UsageError(
                f"{name} is {what}, not a file.",
                hint="write what comes from it to a file first",
            )


def _pieces(file: IO[bytes], most_bytes: int) -> Iterator[bytes]:
    """Yield up to `most_bytes` of `file`; one that would wait for more (/proc/kmsg) has ended."""
    while most_bytes > 0 and (piece := file.read(min(most_bytes, _PIECE_BYTES))):
        most_bytes -= len(piece)
        yield piece


def _unreadable(error: OSError, path: Path, name: str) -> UsageError:
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if "://" in name:
            return UsageError(f"{name} is neither a file nor a page.", hint="https://HOST/PATH")
        if path.is_symlink():
            return UsageError(f"{name} is a link to nothing.", hint="name another file")
        if not path.parent.is_dir():
            return UsageError(f"there is no folder {Path(name).parent}.", hint="check the path")
        close = [os.fspath(Path(name).parent / other) for other in near(path)]
        hint = f"there is {', '.join(close)}" if close else "check the path"
        return UsageError(f"there is no file {name}.", hint=hint)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return UsageError(f"{name} may not be read: permission denied.", hint=f"ls -l {name}")
    why = (error.strerror or type(error).__name__).lower()
    return UsageError(f"{name} cannot be read: {why}.", hint="name another file")
