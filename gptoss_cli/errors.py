"""What can go wrong, as one tree.

Every error carries what a person needs: a sentence that says what is wrong (``str(error)``), a
hint that says what to do (``hint``, usually a command that can be pasted) and the exit code of the
process (``exit_code``). Foreign exceptions are translated where their library is at home; the one
boundary that prints them is ``cli.boundary``.

::

    GptossError                  1
    ├── UsageError               2   an option, argument or input that cannot be used
    ├── NoModelError             3   no model named, or the named one cannot be used
    │   └── ModelFileError       3   missing, damaged, incomplete or another architecture
    ├── DoesNotFitError          4   the machine or the context window is too small
    ├── DownloadError            8   files did not come, or not whole; what came is gone on with
    │   ├── RefusedError         8   the hub says no: 401, 403, 404
    │   ├── RemoteChangedError   8   the file is another one than a moment ago
    │   ├── ChecksumError        8   the bytes are not those the hub has a digest of
    │   ├── DiskFullError        8   no room left
    │   └── DownloadCancelledError  8   somebody asked to stop
    ├── CancelledError         130   somebody asked to stop reading documents
    ├── EngineError              7   llama.cpp is missing or failed
    ├── UnmetFormError           5   the answer is not of the form that was asked for
    └── SessionError             1   the conversations that are kept cannot be read or written
        ├── StoreBusyError       1   another program writes to them
        └── SessionGoneError     1   the one at hand is not there (any more)
            └── StoreDamagedError  1   all were put aside, their file is damaged; a new one begins
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """Exit codes of the process; they are part of the public contract.

    What each means is said here once: the README and the man page take it from here.
    """

    meaning: str

    def __new__(cls, code: int, meaning: str = "") -> Self:
        """Return the code that means `meaning`."""
        own = int.__new__(cls, code)
        own._value_ = code
        own.meaning = meaning
        return own

    OK = 0, "the answer is complete"
    ERROR = 1, "an error: no such conversation, a file that cannot be written"
    USAGE = (
        2,
        "wrong usage: an option, an empty or unreadable prompt, a name that may mean several",
    )
    NO_MODEL = (
        3,
        "no model: none installed or named, or the file is missing, damaged or not gpt-oss",
    )
    DOES_NOT_FIT = 4, "does not fit: memory or context window"
    UNMET_FORM = (
        5,
        "the answer is not of the form that was asked for, or that form cannot be enforced",
    )
    CUT_OFF = (
        6,
        "cut off by `--max-tokens` or the context window; 0 with `--allow-truncated`",
    )
    ENGINE = 7, "the engine failed: llama.cpp is missing, or computes no numbers"
    DOWNLOAD = (
        8,
        "the hub does not answer or refuses, or the disk is full; the same command goes on",
    )
    DEFECT = 70, "a defect of gptoss; a report is written and its path printed"
    TIMEOUT = 124, "`--timeout` is over; what was said is printed"
    INTERRUPTED = 130, "interrupted with Ctrl-C"
    BROKEN_PIPE = 141, "the reader of standard output has closed it"


class GptossError(Exception):
    """An error a person can act on. ``hint`` says how, in one line, or is empty."""

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def members(self) -> dict[str, str | int]:
        """What programs are told of it."""
        return {"message": str(self), "hint": self.hint, "exit_code": int(self.exit_code)}


class UsageError(GptossError):
    """What was asked for cannot be understood or used as it stands."""

    exit_code = ExitCode.USAGE


class NoModelError(GptossError):
    """There is no model to run."""

    exit_code = ExitCode.NO_MODEL


class ModelFileError(NoModelError):
    """The named weights cannot be used: missing, damaged, incomplete or of another architecture."""


class DoesNotFitError(GptossError):
    """The memory or the context window is too small for what was asked."""

    exit_code = ExitCode.DOES_NOT_FIT


class DownloadError(GptossError):
    """The hub was not heard, or files did not come whole.

    What came of them is kept, and the same command goes on from there.
    """

    exit_code = ExitCode.DOWNLOAD

    def __init__(
        self, message: str, *, hint: str = "the same command goes on where this one stopped"
    ) -> None:
        super().__init__(message, hint=hint)


class RefusedError(DownloadError):
    """The hub refuses: `status` is that of HTTP, `code` the hub's own word for it, or empty.

    Codes are GatedRepo, RepoNotFound, RevisionNotFound and EntryNotFound.
    """

    def __init__(self, message: str, *, status: int, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code


class RemoteChangedError(DownloadError):
    """The file on the hub is another one than its description said: describe it again."""


class ChecksumError(DownloadError):
    """The bytes that came, twice, are not those that the hub has a digest of; they are removed."""


class DiskFullError(DownloadError):
    """There is no room left where the file is to be."""


class DownloadCancelledError(DownloadError):
    """Somebody asked to stop."""


class CancelledError(GptossError):
    """Somebody asked to stop what was being read; nothing of it is used."""

    exit_code = ExitCode.INTERRUPTED


def prompt_too_long(prompt_tokens: int, window: int, *, hint: str) -> DoesNotFitError:
    """Return the error of a prompt that fills the context window by itself, in tokens."""
    return DoesNotFitError(
        f"the prompt has {prompt_tokens:,} tokens, the context window {window:,}.", hint=hint
    )


class EngineError(GptossError):
    """llama.cpp is missing, cannot be loaded, or failed."""

    exit_code = ExitCode.ENGINE


class UnmetFormError(GptossError):
    """The answer is not of the form that was asked for, or that form cannot be enforced."""

    exit_code = ExitCode.UNMET_FORM


class SessionError(GptossError):
    """The conversations that are kept cannot be read or written."""


class StoreBusyError(SessionError):
    """Another program writes to the store, for longer than was waited."""


class SessionGoneError(SessionError):
    """The session at hand is not in the store: never, or removed meanwhile, by any program."""


class StoreDamagedError(SessionGoneError):
    """The file was found damaged at work. It is kept under another name, and a new one begins."""
