"""A command line for a wish: how the model is asked, and what is taken of its answer."""

from __future__ import annotations

import re
from typing import Final

from gptoss_cli.chat.extracting import CODE, extracted
from gptoss_cli.errors import GptossError, UnmetFormError

_INSTRUCTIONS: Final = (
    "You turn a wish into one command for {shell} on {system}. Answer with the command alone: no "
    "code fence, no explanation. Prefer common tools and options; quote names with blanks. "
    "Do not remove or overwrite anything that the wish does not name."
)
_EXPLAIN: Final = (
    "Explain this command for {shell} on {system}: what it does as a whole, then each part and "
    "option briefly, then what it changes or removes, if anything.\n\n{command}"
)
# What a terminal would obey, and what hides or reorders what is read.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def instructions(shell: str, system: str) -> str:
    """Return what the model is told before the wish."""
    return _INSTRUCTIONS.format(shell=shell, system=system)


def explanation_of(command: str, shell: str, system: str) -> str:
    """Return the question what `command` does."""
    return _EXPLAIN.format(command=command, shell=shell, system=system)


def proposed(answer: str) -> str:
    """Return the command in `answer`: its first block of code, or all of it.

    Raises GptossError when there is none.
    """
    try:
        command = extracted(answer, CODE)
    except UnmetFormError:
        command = answer
    command = command.strip().removeprefix("$ ")
    if len(command) > 2 and command[0] == command[-1] == "`":
        command = command.strip("`")
    if not command:
        raise GptossError("the model proposes no command.", hint="say it in other words")
    return command


def hides_something(command: str) -> bool:
    """Whether what a person sees of `command` may not be what a shell gets."""
    return _UNSEEN.search(command) is not None
