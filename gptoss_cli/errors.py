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
    └── EngineError              1   llama.cpp is missing or failed
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the process; they are part of the public contract (README, "Exit codes")."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NO_MODEL = 3
    DOES_NOT_FIT = 4
    CUT_OFF = 6
    DEFECT = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class GptossError(Exception):
    """An error a person can act on. ``hint`` says how, in one line, or is empty."""

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


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


def prompt_too_long(prompt_tokens: int, window: int, *, hint: str) -> DoesNotFitError:
    """Return the error of a prompt that fills the context window by itself."""
    return DoesNotFitError(
        f"the prompt has {prompt_tokens:,} tokens, the context window {window:,}.", hint=hint
    )


class EngineError(GptossError):
    """llama.cpp is missing, cannot be loaded, or failed."""
