"""GBNF, llama.cpp's grammars, in the words of llguidance.

llguidance splits text into lexemes that match as much as they can, GBNF knows no lexemes: what is
greedy there is any split here. So each character becomes a lexeme of its own, or, where no rule
leads back to itself, the whole grammar one regular expression. Both accept exactly what llama.cpp
does. (llguidance's own converter makes lexemes of whole rules, which then swallow what follows.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gptoss_cli.errors import UnmetFormError

Ranges = tuple[tuple[int, int], ...]

_MOST_DEPTH: Final = 25
_MOST_RULES: Final = 1_000
_MOST_REGEX: Final = 50_000
_MOST_REPEATS: Final = 10_000
_LARGEST: Final = 0x10FFFF
_BLANK = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_REPEAT = re.compile(r"\{[ \t]*([0-9]+)[ \t]*(?:(,)[ \t]*([0-9]*)[ \t]*)?\}")
_HEXADECIMAL: Final = {"x": 2, "u": 4, "U": 8}
_ESCAPES: Final = {"t": "\t", "r": "\r", "n": "\n", **{c: c for c in '\\"[]-^'}}


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of `ranges`, or, `negated`, any other one."""

    ranges: Ranges
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What another rule is."""

    name: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; without any, nothing."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`part`, from `least` to `most` times; None: without an end."""

    part: Node
    least: int
    most: int | None


Node = Chars | Rule | Sequence | Choice | Repeat


@dataclass(frozen=True, slots=True)
class Converted:
    """A grammar for llguidance: a regular expression if `is_regex`, else Lark."""

    text: str
    is_regex: bool


def converted(text: str) -> Converted:
    """Return the GBNF grammar `text` for llguidance. Raises UnmetFormError, with the line, if it is
    none, or one in which no answer ever ends.
    """
    rules = _Reader(text).rules()
    for name, node in rules.items():
        for used in _names_in(node):
            if used not in rules:
                raise UnmetFormError(f"the grammar has no rule {used}, which {name} uses.")
    if "root" not in rules:
        raise UnmetFormError("the grammar has no rule root, with which an answer begins.")
    order = _ending_order(rules)
    if "root" not in order:
        raise UnmetFormError("the grammar cannot be enforced: an answer would never end.")
    regex = _as_regex(rules)
    return Converted(regex, True) if regex is not None else Converted(_as_lark(rules), False)


class _Reader:
    """Reads the rules of a grammar, as llama.cpp's parser does."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def rules(self) -> dict[str, Node]:
        rules: dict[str, Node] = {}
        self._skip(_BLANK_LINES)
        while self._at < len(self._text):
            name = self._name()
            self._skip(_BLANK)
            if not self._takes("::="):
                raise self._wrong("::= is missing")
            if name in rules:
                raise self._wrong(f"the rule {name} is there twice")
            self._skip(_BLANK_LINES)
            if len(rules) >= _MOST_RULES:
                raise self._wrong(f"there are more than {_MOST_RULES:,} rules")
            rules[name] = self._choice(nested=False)
            if self._at < len(self._text) and self._text[self._at] not in "\r\n":
                raise self._wrong("this was not expected")
            self._skip(_BLANK_LINES)
        return rules

    def _choice(self, *, nested: bool) -> Node:
        parts = [self._sequence(nested=nested)]
        while self._takes("|"):
            self._skip(_BLANK_LINES)
            parts.append(self._sequence(nested=nested))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self, *, nested: bool) -> Node:
        parts: list[Node] = []
        blank = _BLANK_LINES if nested else _BLANK
        while (node := self._element()) is not None:
            self._skip(blank)
            parts.append(self._repeated(node, blank))
        return Sequence(tuple(parts))

    def _element(self) -> Node | None:
        match self._text[self._at : self._at + 1]:
            case '"':
                return self._literal()
            case "[":
                return self._class()
            case ".":
                self._at += 1
                return Chars(((0, _LARGEST),))
            case "(":
                return self._group()
            case char if char and _NAME.match(char):
                return Rule(self._name())
            case _:
                return None

    def _group(self) -> Node:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise self._wrong(f"groups are nested more than {_MOST_DEPTH} deep")
        self._at += 1
        self._skip(_BLANK_LINES)
        node = self._choice(nested=True)
        if not self._takes(")"):
            raise self._wrong(") is missing")
        self._depth -= 1
        return node

    def _repeated(self, node: Node, blank: re.Pattern[str]) -> Node:
        while True:
            if self._takes("*"):
                node = Repeat(node, 0, None)
            elif self._takes("+"):
                node = Repeat(node, 1, None)
            elif self._takes("?"):
                node = Repeat(node, 0, 1)
            elif repeat := _REPEAT.match(self._text, self._at):
                least, comma, most = int(repeat[1]), repeat[2], repeat[3]
                end = (int(most) if most else None) if comma else least
                if max(least, end or 0) > _MOST_REPEATS or (end is not None and end < least):
                    raise self._wrong("this cannot be repeated so often")
                self._at = repeat.end()
                node = Repeat(node, least, end)
            else:
                return node
            self._skip(blank)

    def _literal(self) -> Node:
        self._at += 1
        parts: list[Node] = []
        while not self._takes('"'):
            code = self._char()
            parts.append(Chars(((code, code),)))
        return Sequence(tuple(parts))

    def _class(self) -> Node:
        self._at += 1
        negated = self._takes("^")
        ranges: list[tuple[int, int]] = []
        while not self._takes("]"):
            first = last = self._char()
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                last = self._char()
            if last < first:
                raise self._wrong("this range is out of order")
            ranges.append((first, last))
        return Chars(tuple(ranges), negated)

    def _char(self) -> int:
        if self._at >= len(self._text):
            raise self._wrong("it ends too early")
        char = self._text[self._at]
        self._at += 1
        if char != "\\":
            return ord(char)
        escape = self._text[self._at : self._at + 1]
        self._at += 1
        if escape in _HEXADECIMAL:
            digits = self._text[self._at : self._at + _HEXADECIMAL[escape]]
            self._at += len(digits)
            if re.fullmatch(r"[0-9A-Fa-f]+", digits) and len(digits) == _HEXADECIMAL[escape]:
                code = int(digits, 16)
                if code <= _LARGEST and not 0xD800 <= code <= 0xDFFF:
                    return code
        elif escape and escape in _ESCAPES:
            return ord(_ESCAPES[escape])
        raise self._wrong("this escape is not known")

    def _name(self) -> str:
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise self._wrong("the name of a rule is missing")
        self._at = match.end()
        return match[0]

    def _takes(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _skip(self, blank: re.Pattern[str]) -> None:
        match = blank.match(self._text, self._at)
        assert match is not None  # it may be empty
        self._at = match.end()

    def _wrong(self, what: str) -> UnmetFormError:
        line = self._text.count("\n", 0, self._at) + 1
        return UnmetFormError(f"the grammar is not GBNF: {what}, in line {line}.")


def _parts(node: Node) -> tuple[Node, ...]:
    match node:
        case Sequence(parts) | Choice(parts):
            return parts
        case Repeat(part):
            return (part,)
        case _:
            return ()


def _names_in(node: Node) -> Iterator[str]:
    if isinstance(node, Rule):
        yield node.name
    for part in _parts(node):
        yield from _names_in(part)


def _ending_order(rules: dict[str, Node]) -> set[str]:
    """Return the rules that some finite text follows."""
    ending: set[str] = set()
    while found := {n for n, node in rules.items() if n not in ending and _ends(node, ending)}:
        ending |= found
    return ending


def _ends(node: Node, ending: set[str]) -> bool:
    match node:
        case Rule(name):
            return name in ending
        case Sequence(parts):
            return all(_ends(part, ending) for part in parts)
        case Choice(parts):
            return any(_ends(part, ending) for part in parts)
        case Repeat(part, least):
            return not least or _ends(part, ending)
        case Chars(ranges, negated):
            return bool(ranges) or negated


class _TooLongError(Exception):
    pass


@dataclass(slots=True)
class _Regex:
    """Spells rules as one regular expression, as long as none leads back to itself."""

    rules: dict[str, Node]
    done: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    def of(self, node: Node) -> str:
        match node:
            case Chars():
                text = _class_text(node)
            case Rule(name):
                text = self.rule(name)
            case Sequence(parts):
                text = "".join(map(self.of, parts))
            case Choice(parts):
                text = f"(?:{'|'.join(map(self.of, parts))})"
            case Repeat(part, least, most):
                text = f"(?:{self.of(part)}){_count_text(least, most)}"
        if len(text) > _MOST_REGEX:
            raise _TooLongError
        return text

    def rule(self, name: str) -> str:
        if name not in self.done:
            if name in self.open or len(self.open) > _MOST_DEPTH:
                raise _TooLongError
            self.open.add(name)
            self.done[name] = f"(?:{self.of(self.rules[name])})"
            self.open.remove(name)
        return self.done[name]


def _as_regex(rules: dict[str, Node]) -> str | None:
    try:
        return _Regex(rules).rule("root")
    except _TooLongError:
        return None


def _as_lark(rules: dict[str, Node]) -> str:
    names = {name: f"r{i}" for i, name in enumerate(rules)}
    lines = [f"{names[name]}: {_lark(node, names)}" for name, node in rules.items()]
    return "\n".join([f"start: {names['root']}", *lines])


def _lark(node: Node, names: dict[str, str]) -> str:
    match node:
        case Chars():
            return f"/{_class_text(node)}/"
        case Rule(name):
            return names[name]
        case Sequence(parts):
            return " ".join(_grouped(part, names) for part in parts) or '""'
        case Choice(parts):
            return " | ".join(_grouped(part, names) for part in parts)
        case Repeat(part, least, most):
            return f"{_grouped(part, names)}{_count_text(least, most)}"


def _grouped(node: Node, names: dict[str, str]) -> str:
    text = _lark(node, names)
    return text if isinstance(node, Chars | Rule) else f"({text})"


def _count_text(least: int, most: int | None) -> str:
    signs = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    return signs.get((least, most)) or f"{{{least},{'' if most is None else most}}}"


def _class_text(node: Chars) -> str:
    if not node.ranges:
        return r"[\x{0}-\x{10FFFF}]" if node.negated else r"[^\x{0}-\x{10FFFF}]"
    spelled = "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in node.ranges)
    return f"[{'^' if node.negated else ''}{spelled}]"
