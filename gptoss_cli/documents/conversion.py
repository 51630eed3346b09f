"""What is hostile or slow, done in a child process: foreign formats, and the network.

The child gets an open file as its standard input and leaves its answer in another, so that no pipe
can block. It has limits of time and memory, and is killed when somebody asks to stop.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import IO, Any, Final

from gptoss_cli.documents.document import Document, Kind
from gptoss_cli.documents.jobs import Job
from gptoss_cli.errors import CancelledError, DownloadError, GptossError, UsageError

COMMAND: Final = (sys.executable, "-P", "-m", "gptoss_cli.documents.child")
"""-P: what lies in the folder the person is in must not be imported."""

_POLL_S: Final = 0.05


def convert(file: IO[bytes], job: Job, *, cancelled: Callable[[], bool]) -> Document:
    """Return what `file`, which is on the disk, holds, read in a child process.

    Raises the errors of the child, UsageError when it takes too long or too much memory or falls
    over, CancelledError within a tenth of a second after `cancelled` says so.
    """
    with tempfile.TemporaryFile() as answer:
        code = _run(file, answer, job, cancelled)
        answer.seek(0)
        if code == 0:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return _document(job.name, json.loads(answer.readline()), answer.read())
        raise UsageError(
            f"{job.name} cannot be read: it is damaged, or takes more memory than it may.",
            hint="open it in another program and save it as text",
        )


def _run(file: IO[bytes], answer: IO[bytes], job: Job, cancelled: Callable[[], bool]) -> int:
    """Run the child to its end; return its exit code."""
    try:
        child = subprocess.Popen(
            [*COMMAND, json.dumps(asdict(job))],
            stdin=file,
            stdout=answer,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise GptossError(f"{job.name} cannot be converted: {error.strerror}.") from error
    until_s = time.monotonic() + job.limits.time_s
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.wait(_POLL_S)
                check(cancelled)  # Ctrl-C may have reached the child first
                return code
            check(cancelled)
            if time.monotonic() > until_s:
                raise UsageError(
                    f"{job.name} takes longer than {job.limits.time_s:.0f} s to read.",
                    hint="a part of it, or its text from another program",
                )
    finally:
        child.kill()  # nothing, if it has ended
        child.wait()


def check(cancelled: Callable[[], bool]) -> None:
    """Raise CancelledError if somebody asked to stop."""
    if cancelled():
        raise CancelledError("the reading was stopped.")


def _document(name: str, said: dict[str, Any], text: bytes) -> Document:
    if "error" in said:
        error = DownloadError if said["download"] else UsageError
        raise error(said["error"], hint=said["hint"])
    return Document(
        name, text.decode("utf-8"), Kind(said["kind"]), said["size_bytes"], said["note"]
    )
