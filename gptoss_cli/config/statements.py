"""Where things stand in the text of a TOML file.

The standard library's reader tells values and no lines. A statement (a header, or a key with its
value) is the shortest run of whole lines that is TOML by itself, so the reader finds them too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

Path = tuple[str, ...]
_MARK: Final = "\ufeff"
_QUOTES: Final = ('"""', "'''")
_MOST_TRIES: Final = 500


@dataclass(frozen=True, slots=True)
class Statement:
    """Lines ``begin`` to ``end`` (from 0, without ``end``), in the table ``table``.

    ``content`` is what they say by themselves; that of a header is its table, empty.
    """

    begin: int
    end: int
    table: Path
    content: Mapping[str, Any]
    is_header: bool

    def paths(self) -> Iterator[Path]:
        """Yield the path of everything it says, tables before what is in them."""
        return _paths(self.content, () if self.is_header else self.table)


def statements(text: str) -> list[Statement]:
    """Return the statements of `text`, which must be TOML."""
    lines = text.split("\n")
    found: list[Statement] = []
    table: Path = ()
    begin = 0
    while begin < len(lines):
        content, end = _first(lines, begin)
        if content:
            is_header = lines[begin].lstrip(" \t\ufeff").startswith("[")
            if is_header:
                *_, table = _paths(content, ())
            found.append(Statement(begin, end, table, content, is_header))
        begin = end
    return found


@lru_cache(maxsize=1)  # each value of one file is asked for
def lines_of(text: str) -> Mapping[Path, int]:
    """Return the line, from 1, in which each table and key of `text` first stands."""
    places: dict[Path, int] = {}
    for statement in statements(text):
        for path in statement.paths():
            places.setdefault(path, statement.begin + 1)
    return places


def _first(lines: list[str], begin: int) -> tuple[Mapping[str, Any], int]:
    """Return what the statement that begins at line `begin` says, and the line after it."""
    content = _read(lines[begin])
    if content is not None:
        return content, begin + 1
    closers = _closers(lines[begin])
    tries = 0
    for end in range(begin + 1, len(lines)):
        # A long text is not read from its beginning for each of its lines.
        if not any(closer in lines[end] for closer in closers):
            continue
        content = _read("\n".join(lines[begin : end + 1]))
        if content is not None:
            return content, end + 1
        tries += 1
        if tries > _MOST_TRIES:
            break
    return {}, len(lines)


def _closers(line: str) -> tuple[str, ...]:
    """Return what can end the value that `line` begins and does not end."""
    for quotes in _QUOTES:
        if _read(f"{line}\n{quotes}") is not None:
            return (quotes,)
    return ("]", "}")


def _read(text: str) -> Mapping[str, Any] | None:
    try:
        # With its newline: a carriage return alone at the end is no TOML.
        return tomllib.loads(f"{text.removeprefix(_MARK)}\n")
    except tomllib.TOMLDecodeError:
        return None


def _paths(content: Any, prefix: Path) -> Iterator[Path]:
    if isinstance(content, list):  # an array of tables; what is wrong about it is told elsewhere
        content = content[-1] if content and isinstance(content[-1], dict) else {}
    if isinstance(content, dict):
        for name, inner in content.items():
            yield (*prefix, name)
            yield from _paths(inner, (*prefix, name))
