"""A folder of KV states: what was read once is not read again, as long as there is room.

Everything here may fail (a full disk, a folder that cannot be written to or is taken away, a
damaged file) and then nothing is found or nothing is kept: whoever asks decodes instead. Several
processes may use the folder at once without locks: a file gets its name when it is whole, and is
never written to again; what is removed while another one reads it is read to its end.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from gptoss_cli.engine import kv_file
from gptoss_cli.engine.kv_file import AbandonedError, DamagedError, Header, KVState, Origin, Tokens
from gptoss_cli.errors import GptossError

_SUFFIX: Final = ".kv"
_DRAFT: Final = ".draft-"
_DRAFT_LIVES_S: Final = 600.0
_FREE_BYTES: Final = 1 << 30  # a disk is never filled for the sake of a cache
_DIGEST_BYTES: Final = 12
_PRIVATE: Final = 0o700
_OTHERS: Final = 0o077
# Loading reads a whole file: for a small part of it, that is waste.
_LEAST_SHARE: Final = 0.1
# What a file that is damaged may raise beside our own error: its JSON is of another shape.
_UNREADABLE: Final = (DamagedError, ValueError, KeyError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the store: its size in bytes and when it was used last, in seconds since 1970."""

    path: Path
    header: Header
    size_bytes: int
    used_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """A file that holds the first ``usable`` tokens of what was asked for."""

    path: Path
    usable: int


class KVStore:
    """The states in `folder`, `limit_bytes` of them at most; the least recently used leave first.

    With ``marks_use=False`` reading leaves no trace of when it was. ``notes`` say what went wrong,
    for who wants to know; any thread.
    """

    def __init__(self, folder: Path, limit_bytes: int, *, marks_use: bool = True) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._marks_use = marks_use
        self.notes: list[str] = []

    def prefix(self, key: str, tokens: Sequence[int]) -> Found | None:
        """Return the state of exactly these `tokens`, which many prompts begin with."""
        path = self._folder / _name(Origin(key, ""), np.asarray(tokens, dtype="<i4"))
        return Found(path, len(tokens)) if _is_file(path) else None

    def longest(self, key: str, prompt: Sequence[int]) -> Found | None:
        """Return the state of any conversation from which most of `prompt` can be gone on with."""
        wanted = np.asarray(prompt, dtype=np.int32)
        best, best_rank = None, (0, 0)
        for path in self._paths(f"*-{key}-*{_SUFFIX}"):
            try:
                with _opened(path) as file:
                    header = kv_file.read_header(file)
                    tokens = kv_file.read_tokens(file, header)
            except (OSError, *_UNREADABLE) as error:
                self._reject(path, error)
                continue
            usable = header.usable(_shared(tokens, wanted))
            rank = (usable, -header.n_tokens)
            if usable >= header.n_tokens * _LEAST_SHARE and rank > best_rank:
                best, best_rank = Found(path, usable), rank
        return best

    def load(self, key: str, found: Found) -> KVState | None:
        """Return what is in a file, all of it checked; None when it is not what was written."""
        try:
            with _opened(found.path) as file:
                header = kv_file.read_header(file)
                tokens = kv_file.read_tokens(file, header)
                if header.origin.key != key or found.path.name != _name(header.origin, tokens):
                    raise DamagedError  # somebody renamed it
                state = kv_file.read_state(file, header, tokens)
        except (OSError, MemoryError, *_UNREADABLE) as error:
            self._reject(found.path, error)
            return None
        if self._marks_use:
            with contextlib.suppress(OSError):
                os.utime(found.path)
        return state

    def keep(
        self, origin: Origin, state: KVState, is_abandoned: Callable[[], bool] = lambda: False
    ) -> bool:
        """Keep the state of the session that `origin` names, in the place of the one it had, or of
        what many prompts begin with; whether it is kept.
        """
        needed = state.n_bytes + (1 << 16)
        if needed > self._limit_bytes:
            self._note(f"{needed >> 20:,} MiB are more than the cache may take")
            return False
        try:
            self._make_folder()
            self._make_room(needed)
            self._write(self._folder / _name(origin, state.tokens), origin, state, is_abandoned)
        except AbandonedError:
            self._note("there was no time to write it")
        except (OSError, ValueError) as error:
            self._note(getattr(error, "strerror", None) or type(error).__name__)
        else:
            return True
        return False

    def discard(self, found: Found) -> None:
        """Remove a file that llama.cpp does not take."""
        self._reject(found.path, DamagedError())

    def remove_sessions(self, session_ids: Sequence[str]) -> None:
        """Remove all states of these conversations, also what others are writing of them.

        Raises GptossError if one is left.
        """
        self._require_access()
        for session_id in session_ids:
            name = f"session-*-{_digest(session_id.encode())}{_SUFFIX}"
            for path in [*self._paths(name), *self._paths(f"{_DRAFT}{name}*")]:
                _remove(path)

    def entries(self) -> list[Entry]:
        """Return all that is kept and can be read, the last used first.

        Raises GptossError if nobody may look.
        """
        self._require_access()
        found = []
        for path in self._paths(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError, *_UNREADABLE), _opened(path) as file:
                about = os.fstat(file.fileno())
                header = kv_file.read_header(file)
                found.append(Entry(path, header, about.st_size, about.st_mtime))
        return sorted(found, key=lambda entry: entry.used_s, reverse=True)

    def clear(self) -> tuple[int, int]:
        """Remove everything; return how many files that were, and their bytes.

        Raises GptossError at what cannot be removed.
        """
        self._require_access()
        count = size = 0
        for path, about in self._files():
            _remove(path)
            count += path.suffix == _SUFFIX
            size += about.st_size
        return count, size

    def _require_access(self) -> None:
        try:
            os.scandir(self._folder).close()
            (self._folder / os.pardir).stat()  # listing needs less than looking for a file
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing is there
        except OSError as error:
            raise GptossError(f"{self._folder} cannot be read: {error.strerror}.") from None

    def _make_folder(self) -> None:
        if not self._folder.is_absolute():  # a user without a home
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        if os.name == "posix" and self._folder.stat().st_mode & _OTHERS:
            self._folder.chmod(_PRIVATE)

    def _write(
        self, path: Path, origin: Origin, state: KVState, is_abandoned: Callable[[], bool]
    ) -> None:
        descriptor, name = tempfile.mkstemp(prefix=f"{_DRAFT}{path.name}-", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                kv_file.write(file, origin, state, is_abandoned)
            Path(name).replace(path)
        finally:
            _unlink(Path(name))

    def _make_room(self, needed: int) -> None:
        """Remove what was used longest ago, and what others began and never ended.

        Raises OSError where the disk has no room.
        """
        now = time.time()
        kept = []
        for path, about in self._files():
            if path.name.startswith(_DRAFT) and now - about.st_mtime > _DRAFT_LIVES_S:
                _unlink(path)
            else:
                kept.append((about.st_mtime, about.st_size, path))
        total = needed + sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept, key=lambda file: file[0]):
            if total <= self._limit_bytes:
                break
            if path.suffix == _SUFFIX and _unlink(path):
                total -= size
        if shutil.disk_usage(self._folder).free < needed + _FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in [*self._paths(f"*{_SUFFIX}"), *self._paths(f"{_DRAFT}*")]:
            with contextlib.suppress(OSError):
                yield path, path.lstat()

    def _paths(self, pattern: str) -> list[Path]:
        if not self._folder.is_absolute():
            return []
        try:
            return list(self._folder.glob(pattern))
        except OSError:
            return []

    def _reject(self, path: Path, error: Exception) -> None:
        """Note why a file is of no use. One that nobody can use is removed: it would be in the way
        of a new one for ever.
        """
        match error:
            case FileNotFoundError():
                return  # somebody else removed it
            case MemoryError():
                self._note(f"there is no memory to read {path.name}")
                return
            case OSError():
                self._note(f"{path.name} cannot be read: {error.strerror}")
                is_lost = isinstance(error, PermissionError) or error.errno == errno.EIO
            case _:
                self._note(f"{path.name} is damaged")
                is_lost = True
        if is_lost:
            _unlink(path)

    def _note(self, why: str) -> None:
        self.notes.append(why)


def _name(origin: Origin, tokens: Tokens) -> str:
    """Return the name of a file: a beginning is found by its tokens, a session by its id."""
    kind = "session" if origin.session else "prefix"
    decides = origin.session.encode() if origin.session else tokens.astype("<i4").tobytes()
    return f"{kind}-{origin.key}-{_digest(decides)}{_SUFFIX}"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # nobody may look there, or the disk is gone
        return False


def _opened(path: Path) -> BinaryIO:
    if not _is_file(path):  # a pipe would be waited for until somebody writes to it
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return path.open("rb", buffering=0)


def _shared(left: Tokens, right: Tokens) -> int:
    """Return the number of leading tokens that both have."""
    least = min(len(left), len(right))
    differs = np.flatnonzero(left[:least] != right[:least])
    return int(differs[0]) if len(differs) else least


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def _remove(path: Path) -> None:
    """Remove a file, unless somebody else has. Raises GptossError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise GptossError(f"{path} cannot be removed: {error.strerror}.") from None


def _unlink(path: Path) -> bool:
    """Remove a file; whether it was there, and could be removed."""
    try:
        path.unlink()
    except OSError:
        return False
    return True
