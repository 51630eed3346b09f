"""``gptoss __complete SHELL ...``: what the scripts in ``scripts`` ask at every Tab.

Answered without Typer, since it must not be noticed. Nothing is ever said on standard error: at a
prompt there is no place for it.

The answer is a line with ``files`` (the shell completes them, better than we could), ``words`` or
``nothing``, and the words, each on a line as that shell wants it. PowerShell gets JSON in ASCII
instead, since its consoles differ in their encodings.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from gptoss_cli.cli.completion import bash
from gptoss_cli.cli.completion.asked import asked

GRAMMAR: Final = Path(__file__).with_name("grammar.json")
WORDS_VARIABLE: Final = "_GPTOSS_WORDS"
"""The words of PowerShell, which cannot pass empty ones as arguments in all of its versions."""
WORDS_END: Final = "\x1f"
_MOST: Final = 1_000

Offers = Sequence[str | tuple[str, str]] | None
"""What a function for ``autocompletion`` returns: words, with a help or without; None for files."""


def answer(arguments: Sequence[str]) -> int:
    """Answer a shell, whose name is first in `arguments`; return the exit code, always 0."""
    try:
        shell, *words = arguments
        text = _ANSWERS[shell](words)
    except Exception:  # noqa: BLE001  a Tab must not fail: there is nothing to offer
        text = ""
    # Names of files come back as the bytes they are.
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
    return 0


def offered(words: Sequence[str], current: str) -> tuple[Sequence[tuple[str, str]] | None, str]:
    """Return the words with their help that `current` may become, None for files, and the prefix
    that belongs to all of them (``--session=``).
    """
    what = asked(json.loads(GRAMMAR.read_text(encoding="utf-8")), words, current)
    offers = what.offers
    if offers == "files":
        return None, what.prefix
    found: Offers = what.words
    if ":" in offers:
        found = _loaded(offers)(what.beginning)
    elif "|" in offers:
        found = offers.split("|")
    if found is None:
        return None, what.prefix
    pairs = [(word, "") if isinstance(word, str) else word for word in found]
    if ":" not in offers:
        pairs = [(word, summary) for word, summary in pairs if word.startswith(what.beginning)]
    # Whatever a name came from: a line break or an escape in it would reach the terminal.
    return [pair for pair in pairs if pair[0].isprintable()][:_MOST], what.prefix


def _loaded(place: str) -> Callable[[str], Offers]:
    import importlib

    module, _, name = place.partition(":")
    function: Callable[[str], Offers] = getattr(importlib.import_module(module), name)
    return function


def _for_bash(arguments: Sequence[str]) -> str:
    breaks, text = arguments
    line = bash.split(text, breaks)
    while line.words and re.match(r"\w+=", line.words[0]):  # VARIABLE=VALUE gptoss ...
        line.words.pop(0)
    if line.is_file:
        return "files\n"
    pairs, prefix = offered(line.words[1:], line.current)
    return _lines(pairs and [(bash.written(prefix + word, line), "") for word, _ in pairs], pairs)


def _for_zsh(arguments: Sequence[str]) -> str:
    *words, current = arguments
    pairs, _ = offered(words, current)
    return _lines([(word, _on_one_line(summary)) for word, summary in pairs or ()], pairs)


def _for_fish(arguments: Sequence[str]) -> str:
    *words, current = arguments
    meant = _unquoted(current)
    pairs, prefix = offered(words, meant)
    if pairs is None:  # fish completes a path it is told, without quotation marks
        return f"files\n{meant.removeprefix(prefix)}\n"
    described = [(prefix + word, _on_one_line(summary)) for word, summary in pairs]
    return _lines(described, pairs)


def _for_powershell(_: Sequence[str]) -> str:
    *words, current = os.environ[WORDS_VARIABLE].split(WORDS_END)
    pairs, prefix = offered(words, _unquoted(current))
    answers: list[dict[str, Any]] = [
        {
            "text": _for_the_line_of_powershell(prefix + word),
            "word": word,
            "help": _on_one_line(summary) or word,
        }
        for word, summary in pairs or ()
    ]
    return json.dumps(answers)


_ANSWERS: Final[dict[str, Callable[[Sequence[str]], str]]] = {
    "bash": _for_bash,
    "zsh": _for_zsh,
    "fish": _for_fish,
    "powershell": _for_powershell,
}


def _lines(described: Sequence[tuple[str, str]] | None, pairs: Sequence[object] | None) -> str:
    """Return the answer in lines, each a word, a tab and what is said of it."""
    if pairs is None:
        return "files\n"
    rows = [f"{word}\t{summary}" if summary else word for word, summary in described or ()]
    return "\n".join(["words" if rows else "nothing", *rows]) + "\n"


def _on_one_line(text: str) -> str:
    """Return `text`, which anybody may have written, for the list below a prompt."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def _unquoted(word: str) -> str:
    """Return what a word means that may be quoted, and whose quotation may be open."""
    line = bash.split(word.replace("`", "\\") if os.name == "nt" else word, "")
    return line.current if not line.words else word


def _for_the_line_of_powershell(word: str) -> str:
    if re.fullmatch(r"[\w./:=+-]+", word):
        return word
    return "'" + re.sub("(['‘’‚‛])", r"\1\1", word) + "'"
