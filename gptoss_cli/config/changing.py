"""One value of a TOML text changed, and nothing else: not a comment, not a blank, not an order.

tomlkit sees only the statement that changes, all other lines go through as they are. What comes
out is read again and compared with what it should say before anybody writes it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from gptoss_cli.config.file import ConfigError
from gptoss_cli.config.statements import Path, Statement, statements

_QUOTES: Final = '"""'
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def with_value(text: str, path: Path, value: object) -> str:
    """Return the TOML `text` with `value` at `path`.

    Raises ConfigError where that cannot be done without touching the rest.
    """
    expected = _read(text)
    inner = expected
    for name in path[:-1]:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{name} is no table in the file.", hint="gptoss config edit")
    inner[path[-1]] = value
    return _changed(text, expected, lambda plain: _set(plain, path, value))


def without_value(text: str, path: Path) -> str:
    """Return the TOML `text` without what stands at `path`; a table it was in stays.

    Raises ConfigError as ``with_value`` does, KeyError where nothing stands there.
    """
    expected = _read(text)
    inner = expected
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return _changed(text, expected, lambda plain: _unset(plain, path))


def _read(text: str) -> dict[str, Any]:
    return tomllib.loads(text.removeprefix("\ufeff"))


def _changed(text: str, expected: dict[str, Any], change: Callable[[str], str]) -> str:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    plain = text.removeprefix(mark)
    # Lines end in "\n" while we work, where they all end alike.
    has_crlf = "\r\n" in plain and plain.count("\r\n") == plain.count("\n")
    if has_crlf:
        plain = plain.replace("\r\n", "\n")
    try:
        plain = change(plain)
        is_right = _same(_without_empty(_read(plain)), _without_empty(expected))
    except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        raise ConfigError(
            "the file is written in a way that only an editor can change.",
            hint="gptoss config edit",
        )
    return mark + (plain.replace("\n", "\r\n") if has_crlf else plain)


def _same(one: object, other: object) -> bool:
    """Whether both are of one type and equal: 1 is not true, and NaN is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return repr(one) == repr(other)


def _without_empty(table: Any) -> Any:
    """Return `table` without tables in it that say nothing: with its last key one may go."""
    if not isinstance(table, dict):
        return table
    kept = {name: _without_empty(content) for name, content in table.items()}
    return {name: content for name, content in kept.items() if content != {}}


def _set(text: str, path: Path, value: object) -> str:
    here = statements(text)
    lines = text.split("\n")
    for statement in here:
        inside = _inside(statement, path)
        if not inside:
            continue
        document = _parsed(lines, statement)
        key = _key(document)
        is_value = inside == key
        is_in_braces = inside[: len(key)] == key and isinstance(_at(document, key), InlineTable)
        if is_value or is_in_braces:
            table: Any = document
            for name in inside[:-1]:
                if name not in table:
                    table[name] = tomlkit.inline_table()
                table = table[name]
            table[inside[-1]] = _item(value)
            return _replaced(lines, statement, document)
    return "\n".join(_with_line(lines, here, path, value))


def _unset(text: str, path: Path) -> str:
    lines = text.split("\n")
    for statement in statements(text):
        inside = _inside(statement, path)
        if not inside:
            continue
        document = _parsed(lines, statement)
        key = _key(document)
        if inside == key:
            return "\n".join([*lines[: statement.begin], *lines[statement.end :]])
        if inside[: len(key)] == key:
            del _at(document, inside[:-1])[inside[-1]]
            return _replaced(lines, statement, document)
    raise LookupError


def _inside(statement: Statement, path: Path) -> Path:
    """Return `path` as the line of `statement` would write it, or nothing where it cannot."""
    size = len(statement.table)
    return () if statement.is_header or path[:size] != statement.table else path[size:]


def _parsed(lines: list[str], statement: Statement) -> tomlkit.TOMLDocument:
    return tomlkit.parse("\n".join(lines[statement.begin : statement.end]) + "\n")


def _replaced(lines: list[str], statement: Statement, document: tomlkit.TOMLDocument) -> str:
    changed = tomlkit.dumps(document).removesuffix("\n").split("\n")
    return "\n".join([*lines[: statement.begin], *changed, *lines[statement.end :]])


def _key(document: tomlkit.TOMLDocument) -> Path:
    """Return the key of the only statement in `document`, which may have dots."""
    names: list[str] = []
    content: Any = document
    while isinstance(content, tomlkit.TOMLDocument | Table):
        (name,) = content
        names.append(str(name))
        content = content[name]
    return tuple(names)


def _at(document: tomlkit.TOMLDocument, path: Path) -> MutableMapping[str, Any]:
    table: Any = document
    for name in path:
        table = table[name]
    return table  # type: ignore[no-any-return]


def _with_line(lines: list[str], here: list[Statement], path: Path, value: object) -> list[str]:
    """Return `lines` with one more that sets `value` at `path`, where a person would put it."""
    *table, _ = path
    literal = _item(value).as_string()
    header = next((s for s in here if s.is_header and s.table == tuple(table)), None)
    in_table = [s for s in here if s.table == tuple(table)]
    if header or (in_table and not table):
        last = in_table[-1]
        return _after(lines, last, f"{_name(path[-1])} = {literal}")
    # Where the table was begun with dotted keys, it cannot have a header.
    dotted = [s for s in here if not s.is_header and _inside(s, path) and tuple(table) in s.paths()]
    if dotted:
        return _after(lines, dotted[-1], f"{_names(_inside(dotted[-1], path))} = {literal}")
    if table:
        lead = lines if lines[-1] == "" else [*lines, ""]
        lead = [*lead[:-1], ""] if any(lead) else []
        return [*lead, f"[{_names(tuple(table))}]", f"{_name(path[-1])} = {literal}", ""]
    line = f"{_name(path[-1])} = {literal}"
    if not here:
        return [*(lines if lines[-1] else lines[:-1]), line, ""]
    first = here[0].begin
    while first and lines[first - 1].lstrip().startswith("#"):  # what is said of that table
        first -= 1
    return [*lines[:first], line, "", *lines[first:]]


def _after(lines: list[str], statement: Statement, line: str) -> list[str]:
    before = lines[statement.begin]
    indent = before[: len(before) - len(before.lstrip())]
    rest = lines[statement.end :] or [""]
    return [*lines[: statement.end], indent + line, *rest]


def _names(path: Path) -> str:
    return ".".join(map(_name, path))


def _name(name: str) -> str:
    return name if _BARE.fullmatch(name) else tomlkit.item(name).as_string()


def _item(value: object) -> Any:
    """Return `value` as TOML spells it: text of several lines on several lines, if that is safe."""
    if isinstance(value, str) and "\n" in value:
        quoted = tomlkit.string(value, multiline=True).as_string()
        statement = f'a = """\n{quoted.removeprefix(_QUOTES)}\n'  # which drops that newline
        if tomllib.loads(statement)["a"] == value:
            return tomlkit.parse(statement)["a"]
    return tomlkit.item(value)
