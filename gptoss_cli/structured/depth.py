"""How deep a schema goes when its references are followed, which llguidance does on the stack."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

Schema = dict[str, Any]


def depth(root: Schema | bool, definitions: Mapping[str, Any]) -> int:
    """Return the most levels of schemas inside each other, or a bound where they are recursive."""
    levels: dict[str, int] = {}
    references: dict[str, set[str]] = {}
    for name, schema in {**definitions, "": root}.items():
        levels[name], references[name] = _measure(schema)
    try:
        order = tuple(TopologicalSorter(references).static_order())
    except CycleError:
        return sum(levels.values())
    deepest: dict[str, int] = {}
    for name in order:
        below = max((deepest[used] for used in references[name]), default=0)
        deepest[name] = levels[name] + below
    return deepest[""]


def _measure(schema: Any) -> tuple[int, set[str]]:
    """Return the levels of what is written in `schema`, and the names it refers to."""
    most, names = 0, set()
    waiting = [(schema, 1)]
    while waiting:
        value, level = waiting.pop()
        most = max(most, level)
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                names.add(reference.removeprefix("#/$defs/"))
            waiting += [(part, level + 1) for key, part in value.items() if key not in _CONSTANTS]
        elif isinstance(value, list):
            waiting += [(part, level) for part in value]
    return most, names


_CONSTANTS = frozenset({"const", "enum", "required", "type"})
