"""Whether the keywords of a schema have values of the kind that they take.

The drafts' own metaschemas say the same; validating against those takes milliseconds for each
schema inside a schema, this microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

TYPES: Final = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def kind_expected(keyword: str, value: Any, draft: int) -> str | None:
    """Return in words what `keyword` takes in `draft`, if `value` is not that; else None."""
    if keyword in {"exclusiveMinimum", "exclusiveMaximum"} and draft == 4:
        return None if isinstance(value, bool) else "true or false"
    if keyword == "items" and draft < 2020 and isinstance(value, list):
        return None if all(map(_is_schema, value)) else "a list of schemas"
    if keyword == "dependencies":
        return None if _are_dependencies(value) else "an object of schemas or lists of names"
    takes = _TAKES.get(keyword)
    if takes is None or takes[0](value):
        return None
    return takes[1]


def _is_schema(value: Any) -> bool:
    return isinstance(value, Mapping | bool)


def _are_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_schema, value))


def _are_named_schemas(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_schema, value.values()))


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _are_named_names(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_are_names, value.values()))


def _are_dependencies(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        _is_schema(demand) or _are_names(demand) for demand in value.values()
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _are_types(value: Any) -> bool:
    several = value if isinstance(value, list) else [value]
    return bool(several) and all(isinstance(kind, str) and kind in TYPES for kind in several)


_Check = Callable[[Any], bool]
_TAKES: Final[Mapping[str, tuple[_Check, str]]] = {
    "type": (_are_types, "a type of JSON, or a list of them"),
    "enum": (lambda value: isinstance(value, list), "a list"),
    "$ref": (lambda value: isinstance(value, str), "a string"),
    "pattern": (lambda value: isinstance(value, str), "a string"),
    "format": (lambda value: isinstance(value, str), "a string"),
    "required": (_are_names, "a list of names"),
    "uniqueItems": (lambda value: isinstance(value, bool), "true or false"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "dependentRequired": (_are_named_names, "an object of lists of names"),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), (_is_number, "a number")
    ),
    **dict.fromkeys(
        (
            *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
            *("minContains", "maxContains"),
        ),
        (_is_count, "a whole number from 0"),
    ),
    **dict.fromkeys(
        ("allOf", "anyOf", "oneOf", "prefixItems"), (_are_schemas, "a list of schemas")
    ),
    **dict.fromkeys(
        ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"),
        (_are_named_schemas, "an object of schemas"),
    ),
    **dict.fromkeys(
        (
            *("items", "additionalItems", "additionalProperties", "not", "if", "then", "else"),
            *("contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties"),
        ),
        (_is_schema, "a schema"),
    ),
}
