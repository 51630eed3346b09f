"""JSON pointers (RFC 6901), as they stand in ``$ref`` and in messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote


def pointer_to(path: Iterable[str | int]) -> str:
    """Return the pointer to `path`, keys and positions from the root; the root's is ``#``."""
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return "#" + "".join(f"/{step}" for step in steps)


def steps_of(fragment: str) -> list[str]:
    """Return the steps of the pointer in the fragment of an address, ``/properties/a%25b``."""
    parts = unquote(fragment).split("/")[1:]
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def step_into(value: Any, step: str) -> Any:
    """Return what `step` leads to in `value`; KeyError where it leads nowhere."""
    if isinstance(value, Mapping):
        return value[step]
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    raise KeyError(step)
