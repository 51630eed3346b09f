"""JSON Schema to the TypeScript-like text in which gpt-oss was taught its tools.

The text is byte-identical to what the reference writes (openai/harmony v0.0.8, src/encoding.rs,
``json_schema_to_typescript`` and ``template_tools_section``), its oddities included: the model was
trained on them. What the reference does not know (``anyOf``, ``$ref``, ``const``, patterns) is
``any`` or is left out here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

# The reference reads JSON with serde_json, which stops at 128 levels; a schema nested so deeply is
# nobody's, and Python's own stack must not be at its mercy.
_MAX_DEPTH = 60
_NO_SCHEMA: Mapping[str, Any] = {}


def tool_namespace(
    name: str, description: str, tools: Iterable[tuple[str, str, Mapping[str, Any] | None]]
) -> str:
    """Return the ``## name`` section that describes one namespace of tools.

    `tools` are (name, description, JSON Schema of the arguments or None). A namespace without
    tools, like ``python``, is described in prose; one with tools in comments.
    """
    members = list(tools)
    lines = [f"## {name}\n"]
    comment = "// " if members else ""
    lines += [comment + line for line in lines_of(description)]
    if members:
        lines.append(f"namespace {name} {{\n")
        for tool, purpose, parameters in members:
            lines += [f"// {line}" for line in lines_of(purpose)]
            argument = "" if parameters is None else f"_: {typescript(parameters)}"
            lines.append(f"type {tool} = ({argument}) => any;\n")
        lines.append(f"}} // namespace {name}")
    return "\n".join(lines)


def lines_of(text: str) -> list[str]:
    r"""Return the lines of `text` as Rust's ``str::lines``: ended by ``\n`` or ``\r\n`` only."""
    *ended, last = text.split("\n")
    return [line.removesuffix("\r") for line in ended] + ([last] if last else [])


def typescript(schema: object, indent: str = "", depth: int = 0) -> str:
    """Return the type that `schema` describes; ``any`` for what is not understood.

    `schema` is parsed JSON, usually a mapping. `indent` stands before each line of an object.
    """
    known = schema if isinstance(schema, Mapping) else _NO_SCHEMA
    if depth > _MAX_DEPTH:
        return "any"
    variants = _array(known.get("oneOf"))
    if variants is not None:
        return "".join(_top_level_variant(v, indent, depth) for v in variants)
    kind = known.get("type")
    several = [k for k in _array(kind) or () if isinstance(k, str)]
    if several:
        return " | ".join("number" if k == "integer" else k for k in several)
    return _single_type(kind, known, indent, depth)


def _single_type(kind: object, schema: Mapping[str, Any], indent: str, depth: int) -> str:
    match kind:
        case "object":
            text = _object(schema, indent, depth)
        case "array" if "items" in schema:
            text = typescript(schema["items"], indent, depth + 1) + "[]"
        case "array":
            text = "Array<any>"
        case "string":
            options = [f'"{o}"' for o in _array(schema.get("enum")) or () if isinstance(o, str)]
            text = " | ".join(options) or "string"
        case "number" | "integer":
            text = "number"
        case "boolean":
            text = "boolean"
        case _:
            text = "any"
    return text


def json_text(value: object) -> str:
    """Return `value` as compact JSON, numbers written as serde_json writes them.

    What JSON cannot say (NaN, infinities, foreign objects) becomes ``null`` or its ``str``.
    """
    if isinstance(value, Mapping):
        members = (f"{json_text(str(k))}:{json_text(v)}" for k, v in value.items())
        return "{" + ",".join(members) + "}"
    items = _array(value)
    if items is not None:
        return "[" + ",".join(json_text(item) for item in items) + "]"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return _float_text(_as_float(value))
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False)
    return json_text(str(value))


def _object(schema: Mapping[str, Any], indent: str, depth: int) -> str:
    head = [f"{indent}// {d}\n" for d in _string(schema, "description")]
    properties = schema.get("properties")
    members = properties if isinstance(properties, Mapping) else _NO_SCHEMA
    required = {r for r in _array(schema.get("required")) or () if isinstance(r, str)}
    body = [
        _property(str(key) + ("" if key in required else "?"), value, indent, depth)
        for key, value in members.items()
    ]
    return "".join([*head, "{\n", *body, f"{indent}}}"])


def _property(name: str, schema: object, indent: str, depth: int) -> str:
    known = schema if isinstance(schema, Mapping) else _NO_SCHEMA
    lines = [f"{indent}// {t}\n{indent}//\n" for t in _string(known, "title")]
    if "oneOf" not in known:
        lines += [f"{indent}// {d}\n" for d in _string(known, "description")]
    examples = _array(known.get("examples"))
    if examples:
        lines.append(f"{indent}// Examples:\n")
        lines += [f'{indent}// - "{e}"\n' for e in examples if isinstance(e, str)]
    variants = _array(known.get("oneOf"))
    if variants is not None:
        lines += _union_property(name, known, variants, indent, depth)
        return "".join(lines)
    lines.append(f"{indent}{name}: {_nullable(known, indent + '    ', depth)},")
    if "oneOf" not in known:
        lines += [f" // {d}" for d in _default(known)]
    lines.append("\n")
    return "".join(lines)


def _union_property(
    name: str, schema: Mapping[str, Any], variants: Sequence[object], indent: str, depth: int
) -> Iterator[str]:
    """Yield a property that is a union: its own comments above it, then a line per variant."""
    description = next(_string(schema, "description"), None)
    first = variants[0] if variants and isinstance(variants[0], Mapping) else _NO_SCHEMA
    described_above = description is not None and first.get("description") != description
    if described_above:
        yield f"{indent}// {description}\n"
    for default in _default(schema):
        yield f"{indent}// {default}\n"
    yield f"{indent}{name}:\n"
    for i, variant in enumerate(variants):
        known = variant if isinstance(variant, Mapping) else _NO_SCHEMA
        comments = [d for d in _string(known, "description") if d != description]
        if i == 0 and described_above:
            comments = []
        comments += _default(known)
        yield f"{indent} | {_nullable(known, indent + '   ', depth)}{_trailing(comments)}\n"
    yield f"{indent},\n"


def _top_level_variant(variant: object, indent: str, depth: int) -> str:
    known = variant if isinstance(variant, Mapping) else _NO_SCHEMA
    comments = [*_string(known, "description"), *_default(known, quote_options=True)]
    return f"\n{indent} | {_nullable(known, indent + '   ', depth)}{_trailing(comments)}"


def _nullable(schema: Mapping[str, Any], indent: str, depth: int) -> str:
    text = typescript(schema, indent, depth + 1)
    return f"{text} | null" if schema.get("nullable") is True and "null" not in text else text


def _default(schema: Mapping[str, Any], *, quote_options: bool = False) -> Iterator[str]:
    """Yield the ``default: …`` comment, if there is one.

    The default of an enumeration stands without quotes, except in a union that is not a property.
    """
    if "default" not in schema:
        return
    default = schema["default"]
    if not isinstance(default, str):
        yield f"default: {json_text(default)}"
    elif not _array(schema.get("enum")):
        yield f'default: "{default}"'
    else:
        yield f"default: {json_text(default) if quote_options else default}"


def _trailing(comments: Sequence[str]) -> str:
    return f" // {' '.join(comments)}" if comments else ""


def _string(schema: Mapping[str, Any], key: str) -> Iterator[str]:
    """Yield ``schema[key]`` if it is a string."""
    value = schema.get(key)
    if isinstance(value, str):
        yield value


def _array(value: object) -> Sequence[object] | None:
    return value if isinstance(value, list | tuple) else None


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _float_text(value: float) -> str:
    """Return the shortest text of `value` in the layout of Rust's ``ryu``, which serde_json uses.

    As Python's ``repr``, but 1e16 has no plus sign, and 0.00001 is still written out.
    """
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124
        return "null"
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    if exponent == "-05":
        sign = "-" if mantissa.startswith("-") else ""
        return f"{sign}0.0000{mantissa.lstrip('-').replace('.', '')}"
    return f"{mantissa}e{int(exponent)}"
