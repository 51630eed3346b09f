"""The child process: one document from standard input, as JSON and text on standard output."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import Any, Final

from gptoss_cli.documents.contents import Contents, document_of
from gptoss_cli.documents.document import MOST_TEXT_BYTES, Document, too_large
from gptoss_cli.documents.jobs import Job, Limits
from gptoss_cli.errors import DownloadError, GptossError

_MOST_ANSWER_BYTES: Final = 8 * MOST_TEXT_BYTES


def main(argument: str) -> int:
    """Do the job that `argument` (JSON of a Job) describes; return the exit code."""
    # The parent hears Ctrl-C, too, and decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plain = json.loads(argument)
    job = Job(**(plain | {"limits": Limits(**plain["limits"])}))
    _limit(job.limits)
    try:
        document = _read(job)
        text = document.text.encode("utf-8", "replace")
        if len(text) > MOST_TEXT_BYTES:
            raise too_large(job.name, 0)
    except GptossError as error:
        is_download = isinstance(error, DownloadError)
        _answer({"error": str(error), "hint": error.hint, "download": is_download})
    else:
        said = {
            "kind": document.kind.value,
            "size_bytes": document.size_bytes,
            "note": document.note,
        }
        _answer(said, text)
    return 0


def _read(job: Job) -> Document:
    content = sys.stdin.buffer.read()
    if job.is_address:
        from gptoss_cli.documents.web import fetched  # noqa: PLC0415  files need no network

        return document_of(fetched(content.decode("utf-8"), job.name), job.name, job.local)
    return document_of(Contents(content), job.name, job.local)


def _answer(said: dict[str, Any], text: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + text)
    sys.stdout.buffer.flush()


def _limit(limits: Limits) -> None:
    """Limit memory, time and what is written, for this process, where the platform can."""
    seconds = int(limits.time_s) + 1  # if the parent is killed, nobody else would stop this one
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return
    for name, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _MOST_ANSWER_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            _, hard = resource.getrlimit(name)
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(name, (least, least))


if __name__ == "__main__":
    # Without the interpreter's farewell: a library that is at odds with itself could hang in it.
    code = 1
    with contextlib.suppress(MemoryError, RecursionError):
        code = main(sys.argv[1])
    os._exit(code)
