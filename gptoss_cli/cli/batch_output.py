"""Where the records of a batch go, and what an earlier run has left there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gptoss_cli.chat.batch import VERSION
from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.ui.records import json_text

_SYNC_EVERY_S: Final = 1.0
_BEGINNING: Final = f'{{"version": {VERSION}, "index": %d, "line": '
_BEHIND_IT: Final = re.compile(rb'\d*(?:,(?: (?:"[^\n]*)?)?)?')


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is there from before: the digests of the lines, how many failed or were cut off, and,
    if what follows ``whole_bytes`` is half a record, where that begins.
    """

    digests: tuple[str, ...] = ()
    failed: int = 0
    cut_off: int = 0
    whole_bytes: int | None = None


class Output:
    """Writes each record whole and at once, to the file `descriptor` or, if None, standard output.

    A kill loses nothing that was written; a power failure at most the last second.
    """

    def __init__(
        self, descriptor: int | None = None, name: str = "", earlier: Earlier = Earlier()
    ) -> None:
        self._descriptor = descriptor
        self._name = name
        self._synced = time.monotonic()
        self._is_to_be_cut_at = earlier.whole_bytes
        self.earlier = earlier

    def write(self, record: Mapping[str, Any]) -> None:
        """Write `record` as a line. Raises GptossError, or OSError for standard output."""
        line = f"{json_text(record)}\n".encode()
        if self._descriptor is None:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            return
        try:
            if self._is_to_be_cut_at is not None:  # not before the input turned out to be the same
                os.ftruncate(self._descriptor, self._is_to_be_cut_at)
                self._is_to_be_cut_at = None
            while line:
                line = line[os.write(self._descriptor, line) :]
            self._sync(every_s=_SYNC_EVERY_S)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise GptossError(
                f"{self._name} cannot be written: {error.strerror}.",
                hint="free some space; the same command with --resume goes on",
            ) from None

    def close(self) -> None:
        """Close the file, which gives it free for others."""
        if self._descriptor is not None:
            self._sync(every_s=0.0)
            os.close(self._descriptor)
            self._descriptor = None

    def _sync(self, *, every_s: float) -> None:
        now = time.monotonic()
        if self._descriptor is not None and now - self._synced >= every_s:
            self._synced = now
            with contextlib.suppress(OSError):  # of pipes and devices there is nothing to sync
                os.fsync(self._descriptor)


def open_output(path: str | None, *, resumes: bool) -> Output:
    """Return where records go; with `resumes`, behind those that are there.

    Raises UsageError when that would overwrite something, or another batch is at it.
    """
    if path is None:
        return Output()
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(Path(path).stat().st_mode):
            flags = os.O_WRONLY
    try:
        descriptor = os.open(path, flags, 0o666)
        mode = os.fstat(descriptor).st_mode
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
    if not stat.S_ISREG(mode):
        if resumes:
            raise UsageError(f"{path} is no file, there is nothing to go on with.")
        return Output(descriptor, path)
    try:
        _lock(descriptor, path)
        return Output(descriptor, path, _earlier(descriptor, path, resumes=resumes))
    except BaseException:
        os.close(descriptor)
        raise


def _lock(descriptor: int, path: str) -> None:
    from filelock import lock_descriptor

    try:
        if lock_descriptor(descriptor, blocking=False):
            return
    except OSError:  # a file system without locks
        return
    raise UsageError(f"another batch is writing {path}.", hint="wait for it, or -o another file")


def _earlier(descriptor: int, path: str, *, resumes: bool) -> Earlier:
    """Read the records that are there, and find a last one that was not written to its end."""
    if not os.fstat(descriptor).st_size:
        return Earlier()
    if not resumes:
        raise UsageError(
            f"{path} is there already.", hint="--resume goes on with it; -o takes another"
        )
    digests: list[str] = []
    failed = cut_off = whole_bytes = 0
    has_half = False
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        for raw in file:
            record = _record(raw)
            if record is None and _is_begun(raw, len(digests)) and next(file, None) is None:
                has_half = True
                break
            if record is None or record.get("index") != len(digests):
                raise UsageError(
                    f"line {len(digests) + 1:,} of {path} is no record of a batch.",
                    hint="--resume takes what gptoss batch -o has written",
                )
            digests.append(record["input_sha256"])
            failed += record.get("error") is not None
            cut_off += record.get("finish_reason") == "length"
            whole_bytes += len(raw)
    return Earlier(tuple(digests), failed, cut_off, whole_bytes if has_half else None)


def _is_begun(raw: bytes, index: int) -> bool:
    """Whether a line is what a kill or a power failure left of record `index`, and nobody's own."""
    beginning = (_BEGINNING % index).encode()
    if raw.startswith(beginning):
        return _BEHIND_IT.fullmatch(raw, len(beginning)) is not None
    return beginning.startswith(raw) or not raw.strip(b"\0")


def _record(raw: bytes) -> dict[str, Any] | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    is_ours = isinstance(record, dict) and isinstance(record.get("input_sha256"), str)
    return record if is_ours else None
