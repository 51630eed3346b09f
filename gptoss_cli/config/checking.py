"""Whether a table of TOML sets what can be set, to what it can be set to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gptoss_cli.config.file import PROFILES
from gptoss_cli.config.keys import (
    KEYS,
    TABLES,
    Key,
    Value,
    key_at,
    nearest,
    spelled_in_toml,
)
from gptoss_cli.config.statements import Path

_NOT_YET: Final = {"tools": "there are no tools yet, so none can be set."}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with what stands at ``path`` of a file, as a sentence."""

    path: Path
    sentence: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a table sets, by the names of the keys, and what is wrong with it."""

    values: Mapping[str, Value]
    problems: tuple[Problem, ...]


def check(table: Mapping[str, Any], *, prefix: Path = (), also: Collection[str] = ()) -> Checked:
    """Return what `table`, which stands at `prefix` of a file, sets.

    `also` are names in it that mean something to the caller: they are passed over.
    """
    values: dict[str, Value] = {}
    problems: list[Problem] = []

    def wrong(path: Path, sentence: str) -> None:
        problems.append(Problem((*prefix, *path), sentence))

    def take(path: Path, written: Any) -> None:
        key = key_at(path)
        if key is None:
            wrong(path, _unknown(path, prefix, also))
            return
        value = key.kind.stored(written)
        if key.kind.takes(value):
            values[key.name] = value  # type: ignore[assignment]
        else:
            wrong(path, f"{'.'.join((*prefix, *path))} {key.refusal(written)}")

    for name, content in table.items():
        if name in also:
            continue
        if name not in TABLES:
            take((name,), content)
        elif isinstance(content, dict):
            for inner, written in content.items():
                take((name, inner), written)
        else:
            wrong((name,), f"{name} is a table, not {spelled_in_toml(content)}.")
    return Checked(values, tuple(problems))


def check_file(
    table: Mapping[str, Any], wants: Callable[[str], bool]
) -> tuple[Checked, dict[str, Checked]]:
    """Return what a whole configuration sets, and each of its profiles that is wanted by name."""
    base = check(table, also=(PROFILES,))
    profiles = table.get(PROFILES, {})
    if not isinstance(profiles, dict):
        sentence = f"{PROFILES} are tables, not {spelled_in_toml(profiles)}."
        problem = Problem((PROFILES,), f"{sentence} One begins with [{PROFILES}.NAME].")
        return Checked(base.values, (*base.problems, problem)), {}
    return base, {
        name: _check_profile(name, content) for name, content in profiles.items() if wants(name)
    }


def _check_profile(name: str, content: Any) -> Checked:
    path = (PROFILES, name)
    if isinstance(content, dict):
        return check(content, prefix=path)
    sentence = f"a profile is a table: [{PROFILES}.NAME]"
    near = _near_names((name,))
    meant = f". Or did you mean {near}?" if near else "."
    return Checked({}, (Problem(path, f"{sentence}, not {spelled_in_toml(content)}{meant}"),))


def _unknown(path: Path, prefix: Path, also: Collection[str]) -> str:
    if path[-1] in _NOT_YET and len(path) == 1:
        return _NOT_YET[path[-1]]
    name = ".".join((*prefix, *path))
    for key in KEYS:
        if key.name == path[-1]:
            return f"there is no key {name}: {key.name} stands {_place(key, prefix)}."
    near = _near_names(path, (*TABLES, *also) if len(path) == 1 else ())
    return f"there is no key {name}." + (f" Did you mean {near}?" if near else "")


def _place(key: Key, prefix: Path) -> str:
    if key.table:
        return f"in [{'.'.join((*prefix, key.table))}]"
    return f"in [{'.'.join(prefix)}] itself" if prefix else "above all tables"


def _near_names(path: Path, tables: Iterable[str] = ()) -> str:
    """Return the full name of the key that `path` may have been meant to be, or one of `tables`."""
    names = {spelling: key.full_name for key in KEYS for spelling in _spellings(key)}
    names |= {table: table for table in tables}
    return names.get(nearest(".".join(path), names) or nearest(path[-1], names), "")


def _spellings(key: Key) -> Iterator[str]:
    yield key.full_name
    yield key.name


def key_named(name: str) -> Key | None:
    """Return the key that a person means by `name`: its path, or its own name alone."""
    wanted = name.replace("-", "_")
    return next((key for key in KEYS if wanted in _spellings(key)), None)


def near_key(name: str) -> str:
    """Return the full name of the key that `name`, which is none, may have been meant to be."""
    return _near_names(tuple(name.replace("-", "_").split(".")))
