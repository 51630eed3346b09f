"""What the words in front of the cursor ask for. Pure: the grammar and the words are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

IMPLIED = "run"
"""The command of a line that names none."""


class Asked(NamedTuple):
    """What can stand at the cursor.

    ``words`` are given with their help; ``offers`` says what else can, as in the grammar.
    ``beginning`` is what is typed of it, ``prefix`` what stands before that in the same word.
    """

    beginning: str
    words: Sequence[tuple[str, str]] = ()
    offers: str = ""
    prefix: str = ""


class _Line:
    """A line that was read so far."""

    # No dataclass: importing that module takes longer than all else here.
    __slots__ = ("arguments", "node", "only_arguments", "options", "used", "waiting")

    def __init__(self, node: Mapping[str, Any], options: list[list[Any]]) -> None:
        self.node = node
        self.options = options
        self.used: set[str] = set()
        self.arguments = 0
        self.waiting = ""  # what the value of the last option may be
        self.only_arguments = False

    def take(self, word: str) -> None:
        """Go on with a whole `word`."""
        if self.waiting:
            self.waiting = ""
        elif self.only_arguments or not word.startswith("-") or word == "-":
            self._take_argument(word)
        elif word == "--":
            self.only_arguments = True
        elif word.startswith("--"):
            name, equals, _ = word.partition("=")
            self._take_option(name, has_value=bool(equals))
        else:
            for place, letter in enumerate(word[1:], 2):
                if self._take_option(f"-{letter}", has_value=place < len(word)):
                    break

    def _take_argument(self, word: str) -> None:
        commands = self.node["commands"]
        if word in commands:
            self.node = commands[word]
            self.options = list(self.node["options"])
        elif IMPLIED in commands:
            self.node = commands[IMPLIED]
            self.options = self.node["options"]
            self.arguments = 1
        else:
            self.arguments += 1

    def _take_option(self, name: str, *, has_value: bool) -> str:
        """Return what the value of the option `name` may be, empty if it takes none."""
        offers = self.offers_of(name)
        self.used.add(name)
        if offers and not has_value:
            self.waiting = offers
        return offers

    def offers_of(self, name: str) -> str:
        """Return the same, and note nothing."""
        return next((offers for names, _, offers, _ in self.options if name in names), "")


def asked(grammar: Mapping[str, Any], words: Sequence[str], current: str) -> Asked:
    """Return what `current`, the beginning of a word behind `words`, may become.

    `words` are those behind the name of the program.
    """
    options = list(grammar["options"])
    if implied := grammar["commands"].get(IMPLIED):
        options += implied["options"]  # gptoss -m NAME is gptoss run -m NAME
    line = _Line(grammar, options)
    for word in words:
        line.take(word)
    if line.waiting:
        return Asked(current, offers=line.waiting)
    if current.startswith("-") and not line.only_arguments:
        name, equals, value = current.partition("=")
        if equals and name.startswith("--"):
            return Asked(value, offers=line.offers_of(name), prefix=f"{name}=")
        return Asked(current, words=_names(line, current))
    commands, arguments = line.node["commands"], line.node["arguments"]
    if commands:
        return Asked(current, words=[(name, node["summary"]) for name, node in commands.items()])
    here = arguments[line.arguments : line.arguments + 1] or [a for a in arguments[-1:] if a[1]]
    return Asked(current, offers=here[0][0] if here else "")


def _names(line: _Line, current: str) -> list[tuple[str, str]]:
    """Return the options that are not given yet; the short ones only when one is being typed."""
    least = 2 if len(current) == 2 and current != "--" else 3
    seen: set[str] = set()
    found: list[tuple[str, str]] = []
    for names, summary, _, repeats in line.options:
        if not repeats and not line.used.isdisjoint(names):
            continue
        new = [n for n in names if len(n) >= least and n not in seen]
        seen |= {*new}
        found += [(name, summary) for name in new]
    return found
