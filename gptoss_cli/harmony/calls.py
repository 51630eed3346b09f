"""The arguments of a function call, as models really write them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from gptoss_cli.messages import Message

_FENCE = re.compile(r"\s*```[\w-]*[ \t]*\r?\n?(.*?)\s*```\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MalformedCall:
    """A call whose arguments cannot be used; ``reason`` is a sentence to send back to the model."""

    reason: str


def call_arguments(message: Message) -> dict[str, Any] | MalformedCall:
    """Return the arguments in the content of a call to a function, or what is wrong with them.

    Accepted besides a JSON object: nothing at all, a code fence around it, an array with the
    object as its only element, an object written as a JSON string, and raw line breaks in strings.
    Never raises. For calls to ``python`` the content is code, not arguments.
    """
    text = message.content.strip()
    fenced = _FENCE.fullmatch(text)
    if fenced:
        text = fenced[1].strip()
    if not text:
        return {}
    try:
        value = _unwrapped(_parse(text))
    except RecursionError:
        return MalformedCall("The arguments are nested too deeply.")
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return MalformedCall(f"The arguments are not valid JSON: {error.msg} ({place}).")
    except ValueError as error:
        return MalformedCall(f"The arguments are not valid JSON: {error}.")
    if not isinstance(value, dict):
        return MalformedCall(
            f"The arguments must be a JSON object, but they are {_kind(value)}: send one object."
        )
    return value


def _parse(text: str) -> object:
    # Models break lines inside strings (strict=False). \ud800 alone is no character: texts with it
    # cannot be printed or stored.
    value: object = json.loads(text, strict=False, parse_constant=_refuse)
    return _with_whole_characters(value)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a JSON value")


def _unwrapped(value: object) -> object:
    """Return the object inside `value` if it only wraps one."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _parse(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return value[0]
    return value


def _with_whole_characters(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_with_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {
            str(_with_whole_characters(key)): _with_whole_characters(item)
            for key, item in value.items()
        }
    return value


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return f"an array of {len(value)} elements"
        case _:
            return "something else"
