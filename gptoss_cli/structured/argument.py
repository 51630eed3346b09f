"""What a person gives as a schema: JSON, a file of it, or fields in a line (``name, age int``)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from gptoss_cli.errors import UnmetFormError, UsageError

MOST_BYTES: Final = 1 << 20
_TYPES: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_FIELD = re.compile(r"\s*(?P<name>[^\s,:]+)(?:[^\S\n]+(?P<type>[^\s,:]+))?\s*(?::(?P<about>.*))?")
_HINT: Final = 'for example --schema "name, age int, bio: a short one"'


def schema_text(argument: str) -> str:
    """Return the text of the JSON Schema that `argument` is, names or describes.

    What begins with a brace, ``true`` and ``false`` are JSON. What has a slash or ends in ``.json``
    is a file. Anything else is fields. Raises UsageError or UnmetFormError.
    """
    argument = argument.strip()
    if not argument:
        raise UsageError("the schema is empty.", hint=_HINT)
    if argument.startswith("{") or argument in {"true", "false"}:
        return argument
    if argument.startswith("["):
        raise UsageError("a schema is an object, not a list.", hint=_HINT)
    names_a_file = "\n" not in argument and (
        argument.endswith(".json") or (re.search(r"[/\\]", argument) and ":" not in argument[2:])
    )
    if names_a_file:
        return _file_text(Path(argument).expanduser())
    if re.fullmatch(r"\S+", argument) and Path(argument).is_file():
        raise UsageError(
            f"{argument} could be a file or a field of that name.",
            hint=f'for the file: --schema ./{argument}; for the field: --schema "{argument} str"',
        )
    return json.dumps(fields_schema(argument), ensure_ascii=False)


def several(schema: Any) -> dict[str, Any]:
    """Return the schema of an object whose ``items`` are a list of what follows `schema`."""
    draft = (
        {"$schema": schema["$schema"]} if isinstance(schema, dict) and "$schema" in schema else {}
    )
    return {
        **draft,
        "type": "object",
        "properties": {"items": {"type": "array", "items": _moved(schema)}},
        "required": ["items"],
        "additionalProperties": False,
    }


def _moved(schema: Any) -> Any:
    """Return `schema` with its references as they are below ``items``."""
    if isinstance(schema, list):
        return [_moved(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {
        key: _moved(part)
        for key, part in schema.items()
        if key not in {"$schema", "$id"} or not isinstance(part, str)
    }
    reference = schema.get("$ref")
    if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
        moved["$ref"] = f"#/properties/items/items{reference[1:]}"
    return moved


def fields_schema(text: str) -> dict[str, Any]:
    """Return the schema of an object with the fields that `text` lists, all of them required.

    Fields stand in lines or between commas: a name, a type (str, int, float, bool; str if there is
    none), and after a colon what the field is. A description with commas needs lines.
    """
    properties: dict[str, Any] = {}
    for part in text.split("\n") if "\n" in text else text.split(","):
        if not part.strip():
            continue
        match = _FIELD.fullmatch(part)
        if match is None:
            raise UsageError(f'"{part.strip()}" is not a name and a type.', hint=_HINT)
        name, kind, about = match["name"], match["type"] or "str", (match["about"] or "").strip()
        if kind not in _TYPES:
            known = ", ".join(_TYPES)
            raise UsageError(f'"{kind}" is no type of the field {name}.', hint=f"types: {known}")
        if name in properties:
            raise UsageError(f"the field {name} is there twice.", hint=_HINT)
        properties[name] = {"type": _TYPES[kind], **({"description": about} if about else {})}
    if not properties:
        raise UsageError("the schema has no fields.", hint=_HINT)
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _file_text(path: Path) -> str:
    return read_text(path, "schema")


def read_text(path: Path, kind: str) -> str:
    """Return the text of a small UTF-8 file; `kind` is what messages call it."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise UsageError(f"the {kind} {path} cannot be read: {reason}.") from error
    if len(raw) > MOST_BYTES:
        raise UnmetFormError(f"the {kind} {path} is larger than {MOST_BYTES >> 20} MB.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"the {kind} {path} is not UTF-8 text.") from error
