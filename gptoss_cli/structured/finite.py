"""Whether some finite value follows a schema at all: a recursion needs a way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]
# How many references deep a way out is looked for.
_MOST_ROUNDS: Final = 64


def can_end(root: Schema | bool, definitions: Mapping[str, Any]) -> bool:
    """Whether some finite value can follow `root`, as far as its recursion goes."""
    known: set[str] = set()
    for _ in range(_MOST_ROUNDS):
        before = len(known)
        # What is referred to comes after what refers to it.
        for name in reversed(list(definitions)):
            if name not in known and _ends(definitions[name], known):
                known.add(name)
        if len(known) == before:
            break
    return _ends(root, known)


def _ends(schema: Schema | bool, known: set[str]) -> bool:
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema and schema["$ref"].removeprefix("#/$defs/") not in known:
        return False
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema and not any(_ends(s, known) for s in schema[keyword]):
            return False
    if not all(_ends(s, known) for s in schema.get("allOf", [])):
        return False
    types = schema.get("type")
    types = [types] if isinstance(types, str) else types
    if "const" in schema or "enum" in schema or not types or set(types) - {"object", "array"}:
        return True
    return ("object" in types and _object_ends(schema, known)) or (
        "array" in types and _array_ends(schema, known)
    )


def _object_ends(schema: Schema, known: set[str]) -> bool:
    properties = schema.get("properties", {})
    return all(_ends(properties.get(name, True), known) for name in schema.get("required", []))


def _array_ends(schema: Schema, known: set[str]) -> bool:
    least = schema.get("minItems", 0)
    first = schema.get("prefixItems", [])
    if not all(_ends(s, known) for s in first[:least]):
        return False
    return least <= len(first) or _ends(schema.get("items", True), known)
