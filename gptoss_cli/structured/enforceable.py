"""JSON Schemas of all drafts, rewritten to what llguidance enforces exactly, or refused by name.

Every keyword is either enforced, or an annotation, or named with its pointer in a UnmetFormError.
llguidance itself is more lenient in places (duplicate keys, integers beyond a double, its own
options inside the schema), so nothing reaches it that is not listed here. Rewritten where that is
exact: the tuples of older drafts, ``dependentRequired`` and its kin, ``unevaluatedProperties``
where it is ``additionalProperties``, ``oneOf`` of constants, references, formats and patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gptoss_cli.errors import UnmetFormError
from gptoss_cli.structured.depth import depth
from gptoss_cli.structured.finite import can_end
from gptoss_cli.structured.formats import FORMATS, UNENFORCED
from gptoss_cli.structured.pattern import PatternError, translated
from gptoss_cli.structured.pointer import pointer_to, step_into, steps_of
from gptoss_cli.structured.wellformed import kind_expected

Schema = dict[str, Any]
Path = tuple[str | int, ...]

MOST_DEPTH: Final = 64
MOST_SCHEMAS: Final = 10_000
_MOST_PROPERTIES: Final = 1_000
# llguidance overflows 16 MB of stack at some 4,000.
_MOST_FOLLOWED: Final = 1_000
_MOST_REQUIRED: Final = 100_000
_MOST_BOUND: Final = 2**31 - 1
_MOST_EXACT: Final = 2**53
_LARGEST_INTEGER: Final = 2**63 - 1024
_MOST_NAMED: Final = 8
_COUNTS: Final = frozenset({"minLength", "maxLength", "minItems", "maxItems", "maxProperties"})
_BOUNDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_IN_PLACE: Final = ("$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "dependencies")
_AS_THEY_ARE: Final = frozenset({"type", "required"})
# Where schemas stand inside a schema; elsewhere, in constants, what looks like one is none.
_WITH_NAMED_SCHEMAS: Final = frozenset(
    {
        *("$defs", "definitions", "properties", "patternProperties"),
        *("dependencies", "dependentSchemas"),
    }
)
_WITH_SCHEMAS: Final = frozenset(
    {
        *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "contains", "propertyNames"),
        *("items", "additionalItems", "prefixItems", "additionalProperties"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
# Keywords that nothing can be done about, and the first draft that has them.
_REFUSED: Final = {"$recursiveRef": 2019, "$dynamicRef": 2020}


@dataclass(frozen=True, slots=True)
class Enforceable:
    """A schema for ``json_grammar``, and those inside it, the innermost first, with pointers."""

    schema: Schema
    inner: tuple[tuple[str, Schema], ...]


def enforceable(schema: Mapping[str, Any] | bool, draft: int) -> Enforceable:
    """Return `schema`, valid parsed JSON of `draft` (4, 6, 7, 2019, 2020), rewritten.

    Raises UnmetFormError that names each keyword which cannot be enforced.
    """
    rewriting = _Rewriting(schema, draft)
    root = rewriting.whole()
    if rewriting.problems:
        named = list(dict.fromkeys(rewriting.problems))
        more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        raise UnmetFormError(
            f"the schema cannot be enforced: {', '.join(named[:_MOST_NAMED])}{more}.",
            hint="leave these out, or say them in the prompt",
        )
    if depth(root, rewriting.definitions) > _MOST_FOLLOWED:
        raise UnmetFormError(
            f"the schema is deeper than {_MOST_FOLLOWED:,} levels when references are followed."
        )
    if not can_end(root, rewriting.definitions):
        raise UnmetFormError(
            "the schema cannot be enforced: no finite value follows it.",
            hint='a recursion needs a way out: not "required", or "anyOf" with null',
        )
    definitions = {"$defs": rewriting.definitions} if rewriting.definitions else {}
    inner = tuple((where, {**part, **definitions}) for where, part in rewriting.parts)
    return Enforceable({**(root if isinstance(root, dict) else {}), **definitions}, inner)


@dataclass(frozen=True, slots=True)
class _Here:
    """One schema on its way: as it was and where, as it becomes, and what it must be besides."""

    schema: Mapping[str, Any]
    path: Path
    out: Schema = field(default_factory=dict)
    extra: list[Schema | bool] = field(default_factory=list)


class _Rewriting:
    """One schema on its way; ``problems`` are what cannot be enforced and where."""

    def __init__(self, root: Any, draft: int) -> None:
        self._root = root
        self._draft = draft
        self._count = 0
        self._names: dict[int, str] = {}
        self._inlining: list[int] = []
        self._waiting: list[tuple[str, Any, Path]] = []
        self.definitions: dict[str, Any] = {}
        self.problems: list[str] = []
        self.parts: list[tuple[str, Schema]] = []

    def whole(self) -> Schema | bool:
        """Return the rewritten root; then ``definitions`` are all that it refers to."""
        root = self.schema(self._root, ())
        while self._waiting:
            name, target, place = self._waiting.pop()
            self.definitions[name] = self.schema(target, place)
        return root

    def schema(self, schema: Any, path: Path) -> Schema | bool:
        """Return the rewritten `schema`, found at `path`."""
        self._count += 1
        if self._count > MOST_SCHEMAS or len(path) + len(self._inlining) > 2 * MOST_DEPTH:
            raise UnmetFormError(
                f"the schema is larger than {MOST_SCHEMAS:,} schemas or {MOST_DEPTH} levels.",
                hint="a smaller one",
            )
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            self._refuse("$ref", path, "it leads to something that is no schema")
            return True
        if path and isinstance(schema.get("$id", schema.get("id")), str):
            own_id = str(schema.get("$id", schema.get("id")))
            if not own_id.startswith("#"):
                self._refuse("$id", path, "a schema inside another one")
        if self._draft <= 7 and "$ref" in schema:
            return self._reference(schema["$ref"], path)
        keywords = dict(schema)
        here = _Here(keywords, path)
        for keyword, value in keywords.items():
            expected = kind_expected(keyword, value, self._draft)
            if expected is not None:
                where = pointer_to((*path, keyword))
                raise UnmetFormError(f"the schema is not valid: {where} is not {expected}.")
        self._rewrite_unevaluated(keywords)
        for keyword, value in keywords.items():
            self._keyword(keyword, value, here)
        if here.extra:
            here.out["allOf"] = [*here.out.get("allOf", []), *here.extra]
        self.parts.append((pointer_to(path), here.out))
        return here.out

    def _keyword(self, keyword: str, value: Any, here: _Here) -> None:
        """Take one keyword: as it is, rewritten, refused, or left out as an annotation."""
        if keyword in _AS_THEY_ARE:
            here.out[keyword] = value
        elif keyword in _COUNTS:
            self._size(keyword, int(value), here)
        elif keyword in _BOUNDS:
            self._bound(keyword, value, here)
        elif keyword in _REWRITTEN:
            _REWRITTEN[keyword](self, keyword, value, here)
        elif keyword in _REFUSED and self._draft >= _REFUSED[keyword]:
            self._refuse(keyword, here.path)

    def take_constants(self, keyword: str, value: Any, here: _Here) -> None:
        self._constants(keyword, value, here.path)
        here.out[keyword] = value

    def take_properties(self, keyword: str, value: Mapping[str, Any], here: _Here) -> None:
        place = (*here.path, keyword)
        if len(value) > _MOST_PROPERTIES:  # they take time with the square of their number
            self._refuse(keyword, here.path, f"more than {_MOST_PROPERTIES:,}")
            return
        here.out[keyword] = {name: self.schema(s, (*place, name)) for name, s in value.items()}

    def take_schema(self, keyword: str, value: Any, here: _Here) -> None:
        here.out[keyword] = self.schema(value, (*here.path, keyword))

    def take_list(self, keyword: str, value: list[Any], here: _Here) -> None:
        here.out[keyword] = [self.schema(s, (*here.path, keyword, i)) for i, s in enumerate(value)]

    def take_pattern(self, keyword: str, value: str, here: _Here) -> None:
        here.out[keyword] = self._pattern(value, (*here.path, keyword))

    def take_reference(self, _keyword: str, value: str, here: _Here) -> None:
        here.extra.append(self._reference(value, here.path))

    def take_not(self, keyword: str, value: Any, here: _Here) -> None:
        if value in ({}, True):
            here.extra.append(False)
        elif value is not False:
            self._refuse(keyword, here.path)

    def take_unique(self, keyword: str, value: Any, here: _Here) -> None:
        if value and here.schema.get("maxItems", 2) > 1:
            self._refuse(keyword, here.path)

    def take_contains(self, keyword: str, _value: Any, here: _Here) -> None:
        is_known, counts = self._draft >= 6, self._draft >= 2019
        least = here.schema.get("minContains", 1) if counts else 1
        if is_known and (least > 0 or (counts and "maxContains" in here.schema)):
            self._refuse(keyword, here.path)

    def take_condition(self, keyword: str, _value: Any, here: _Here) -> None:
        if self._draft >= 7 and ("then" in here.schema or "else" in here.schema):
            self._refuse(keyword, here.path)

    def take_names(self, keyword: str, value: Any, here: _Here) -> None:
        if self._draft >= 6 and value not in ({}, True):
            self._refuse(keyword, here.path)

    def take_unevaluated(self, keyword: str, value: Any, here: _Here) -> None:
        if self._draft >= 2019 and value not in ({}, True):
            self._refuse(keyword, here.path)

    def _refuse(self, keyword: str, path: Path, why: str = "") -> None:
        where = pointer_to((*path, keyword))
        self.problems.append(f"{keyword} at {where}{f' ({why})' if why else ''}")

    def _pattern(self, value: str, path: Path) -> str:
        try:
            return translated(value).rust
        except PatternError as error:
            self.problems.append(f"{path[-1]} at {pointer_to(path)} ({error})")
            return ""

    def take_pattern_properties(self, keyword: str, value: Mapping[str, Any], here: _Here) -> None:
        place = (*here.path, keyword)
        here.out[keyword] = {
            self._pattern(pattern, (*place, pattern)): self.schema(s, (*place, pattern))
            for pattern, s in value.items()
        }

    def take_format(self, keyword: str, value: str, here: _Here) -> None:
        types = here.schema.get("type", "string")
        if "string" not in ([types] if isinstance(types, str) else types):
            return
        if value in FORMATS:
            here.extra.append({"pattern": translated(f"^(?:{FORMATS[value]})$").rust})
        elif value in UNENFORCED:
            self._refuse(keyword, here.path, value)

    def _size(self, keyword: str, value: int, here: _Here) -> None:
        if keyword.startswith("min") and value > _MOST_REQUIRED:
            self._refuse(keyword, here.path, f"more than {_MOST_REQUIRED:,}")
        elif value <= _MOST_BOUND:  # a larger maximum is out of reach of any context window
            here.out[keyword] = value

    def take_least_properties(self, keyword: str, value: int, here: _Here) -> None:
        """Take ``minProperties``, but not where a key that is written twice would be counted."""
        required = len(set(here.schema.get("required", ())))
        may_repeat = here.schema.get("additionalProperties", True) is not False or bool(
            here.schema.get("patternProperties")
        )
        if value > 1 and value > required and may_repeat:
            self._refuse(keyword, here.path, "keys could be repeated")
        elif value > required:
            here.out[keyword] = int(value)

    def _bound(self, keyword: str, value: Any, here: _Here) -> None:
        if isinstance(value, bool):
            # Draft 4 says with a flag that minimum or maximum itself is excluded.
            limit = here.schema.get(keyword.removeprefix("exclusive").lower())
            if value and limit is not None:
                self._number_bound(keyword, limit, here)
        elif here.schema.get(f"exclusive{keyword.capitalize()}") is not True:
            self._number_bound(keyword, value, here)

    def _number_bound(self, keyword: str, value: float, here: _Here) -> None:
        if abs(value) <= _LARGEST_INTEGER and float(value) == value:
            here.out[keyword] = value
        elif keyword == "maximum" and value > 0:
            # llguidance writes no more than 64 bits; what is written follows the schema.
            here.out[keyword] = _below(min(value, _LARGEST_INTEGER))
        elif keyword == "minimum" and value < 0:
            here.out[keyword] = -_below(min(-value, _LARGEST_INTEGER))
        else:
            self._refuse(keyword, here.path, "beyond what a double holds exactly")

    def _constants(self, keyword: str, value: Any, path: Path) -> None:
        waiting = [value]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                waiting += part.values()
            elif isinstance(part, list):
                waiting += part
            elif isinstance(part, int | float) and abs(part) > _MOST_EXACT:
                self._refuse(keyword, path, "a number beyond what a double holds exactly")
                return

    def take_items(self, keyword: str, value: Any, here: _Here) -> None:
        """Take the items of an array; up to draft 2019-09 a list of them is a tuple."""
        is_tuple = isinstance(here.schema.get("items"), list)
        path = (*here.path, keyword)
        if self._draft < 2020 and keyword == "items" and is_tuple:
            here.out["prefixItems"] = [self.schema(s, (*path, i)) for i, s in enumerate(value)]
        elif keyword == "items" or (self._draft < 2020 and is_tuple):
            here.out["items"] = self.schema(value, path)

    def take_first_items(self, keyword: str, value: list[Any], here: _Here) -> None:
        if self._draft >= 2020:
            self.take_list(keyword, value, here)

    def take_one_of(self, keyword: str, value: list[Any], here: _Here) -> None:
        constants = _distinct_constants(value)
        if constants is not None:
            self._constants(keyword, constants, here.path)
            here.extra.append({"enum": constants})
            return
        branches = []
        for i, s in enumerate(value):
            place = (*here.path, keyword, i)
            target = self._plain_target(s)
            # Whether branches exclude each other is only seen in what they refer to.
            if target is None or id(target) in self._inlining:
                branches.append(self.schema(s, place))
            else:
                self._inlining.append(id(target))
                branches.append(self.schema(target, place))
                self._inlining.pop()
        here.out[keyword] = branches

    def _plain_target(self, schema: Any) -> Any | None:
        if not isinstance(schema, Mapping) or set(schema) != {"$ref"}:
            return None
        try:
            return self._target(schema["$ref"])
        except (KeyError, ValueError):
            return None

    def take_dependencies(self, keyword: str, value: Mapping[str, Any], here: _Here) -> None:
        """For each dependency: the key is not there, or what it demands is."""
        if (keyword == "dependencies") is not (self._draft < 2019):
            return
        for name, demand in value.items():
            if isinstance(demand, list):
                then: Schema | bool = {"required": demand}
            else:
                then = self.schema(demand, (*here.path, keyword, name))
            here.extra.append({"anyOf": [{"properties": {name: False}}, then]})

    def _rewrite_unevaluated(self, schema: dict[str, Any]) -> None:
        """Replace what says the same as another keyword where no other schema evaluates."""
        if self._draft < 2019 or any(keyword in schema for keyword in _IN_PLACE):
            return
        if "unevaluatedProperties" in schema:
            value = schema.pop("unevaluatedProperties")
            schema.setdefault("additionalProperties", value)
        if "unevaluatedItems" in schema and self._draft >= 2020 and "contains" not in schema:
            value = schema.pop("unevaluatedItems")
            schema.setdefault("items", value)

    def _reference(self, reference: str, path: Path) -> Schema | bool:
        try:
            target = self._target(reference)
        except KeyError:
            self._refuse("$ref", path, "it leads nowhere")
            return True
        except ValueError:
            self._refuse("$ref", path, "it leads out of the schema")
            return True
        name = self._names.get(id(target))
        if name is None:
            name = self._names[id(target)] = f"d{len(self._names)}"
            place = tuple(steps_of(reference[1:])) if reference.startswith("#/") else ()
            self._waiting.append((name, target, place))
        return {"$ref": f"#/$defs/{name}"}

    def _target(self, reference: str) -> Any:
        """Return what `reference` leads to. KeyError: nowhere; ValueError: out of this schema."""
        if not reference.startswith("#"):
            raise ValueError(reference)
        fragment = reference[1:]
        if fragment and not fragment.startswith("/"):
            return _anchored(self._root, fragment)
        target = self._root
        for step in steps_of(fragment):
            target = step_into(target, step)
            if isinstance(target, Mapping) and isinstance(target.get("$id"), str):
                raise ValueError(reference)  # noqa: TRY004 - a reference, not a type
        return target


def _anchored(root: Any, name: str) -> Any:
    """Return the schema inside `root` that has the anchor `name`; KeyError if none has."""
    waiting = [root]
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, Mapping):
            continue
        if name in (schema.get("$anchor"), schema.get("$dynamicAnchor")) or f"#{name}" in (
            schema.get("$id"),
            schema.get("id"),
        ):
            return schema
        for keyword, value in schema.items():
            if keyword in _WITH_NAMED_SCHEMAS and isinstance(value, Mapping):
                waiting += value.values()
            elif keyword in _WITH_SCHEMAS:
                waiting += value if isinstance(value, list) else [value]
    raise KeyError(name)


def _distinct_constants(schemas: list[Any]) -> list[Any] | None:
    """Return all values of schemas that are nothing but constants, no two equal; else None."""
    values: list[Any] = []
    for schema in schemas:
        if not isinstance(schema, Mapping):
            return None
        known = set(schema) - {"title", "description"}
        if known == {"const"}:
            values.append(schema["const"])
        elif known == {"enum"}:
            values += schema["enum"]
        else:
            return None
    if any(isinstance(value, dict | list) for value in values):
        return None
    return values if len({(_kind(v), v) for v in values}) == len(values) else None


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and value is not True else str(type(value))


def _below(value: float) -> int:
    """Return the largest integer up to `value` that a double holds."""
    exact = int(value)
    while float(exact) != exact or exact > value:
        exact -= exact & -exact
    return exact


_REWRITTEN: Final[Mapping[str, Callable[[_Rewriting, str, Any, _Here], None]]] = {
    "multipleOf": _Rewriting.take_constants,
    "const": _Rewriting.take_constants,
    "enum": _Rewriting.take_constants,
    "properties": _Rewriting.take_properties,
    "patternProperties": _Rewriting.take_pattern_properties,
    "additionalProperties": _Rewriting.take_schema,
    "minProperties": _Rewriting.take_least_properties,
    "items": _Rewriting.take_items,
    "additionalItems": _Rewriting.take_items,
    "prefixItems": _Rewriting.take_first_items,
    "allOf": _Rewriting.take_list,
    "anyOf": _Rewriting.take_list,
    "oneOf": _Rewriting.take_one_of,
    "not": _Rewriting.take_not,
    "$ref": _Rewriting.take_reference,
    "pattern": _Rewriting.take_pattern,
    "format": _Rewriting.take_format,
    "dependentRequired": _Rewriting.take_dependencies,
    "dependentSchemas": _Rewriting.take_dependencies,
    "dependencies": _Rewriting.take_dependencies,
    "uniqueItems": _Rewriting.take_unique,
    "contains": _Rewriting.take_contains,
    "if": _Rewriting.take_condition,
    "propertyNames": _Rewriting.take_names,
    "unevaluatedProperties": _Rewriting.take_unevaluated,
    "unevaluatedItems": _Rewriting.take_unevaluated,
}
