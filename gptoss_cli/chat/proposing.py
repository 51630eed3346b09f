"""A command line for a wish: how the model is asked, and what is taken of its answer."""

from __future__ import annotations

import re
import unicodedata
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
# Controls, formats and what no font has; and letters, marks and blanks that look like nothing.
_UNSEEN_KINDS: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"))
_LIKE_NOTHING: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f"
    "\U000e0100-\U000e01ef]"
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
    plain = command.translate({ord(" "): None, ord("\n"): None, ord("\t"): None})
    kinds = {unicodedata.category(character) for character in set(plain)}
    return not kinds.isdisjoint(_UNSEEN_KINDS) or _LIKE_NOTHING.search(plain) is not None
