"""A line of a batch: what is asked in it, and how."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import Any, Final

from gptoss_cli.chat.numbers import EFFORTS, NUMBERS
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.errors import GptossError, UsageError

Scalar = str | int | float | bool | None

_LARGEST_SEED: Final = 2**31
_TEXTS: Final = ("prompt", "system")
_KEYS: Final = ("prompt", "id", "system", "effort", *NUMBERS)


@dataclass(frozen=True, slots=True)
class InputLine:
    """A line that is not blank: ``index`` counts these from 0, ``number`` all lines from 1.

    ``text`` is decoded and has no line end; ``sha256``, 16 hex digits, is of its bytes. ``fault``
    is why it cannot be read, if so. ``is_json``: the file's lines are objects, not prompts.
    """

    index: int
    number: int
    sha256: str
    text: str = ""
    is_json: bool = False
    fault: GptossError | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a line asks. ``id`` is the caller's own; ``fault`` is why it cannot be asked, if so."""

    line: InputLine
    settings: ChatSettings
    id: Scalar = None
    prompt: str = ""
    fault: GptossError | None = None


def digest(line: bytes) -> str:
    """Return what a later run knows `line` by."""
    return hashlib.sha256(line).hexdigest()[:16]


def read_question(line: InputLine, settings: ChatSettings) -> Question:
    """Return what `line` asks; what it does not say is as in `settings`. Never raises.

    Each line has a seed of its own, which neither the order nor what runs beside it changes.
    """
    sampling = replace(settings.sampling, seed=_seed(settings.sampling.seed, line.index))
    settings = replace(settings, sampling=sampling)
    question = Question(line, settings, fault=line.fault)
    if line.fault is not None:
        return question
    if not line.is_json:
        return replace(question, prompt=line.text)
    try:
        said = _object(line.text)
    except UsageError as error:
        return replace(question, fault=error)
    if _is_scalar(said.get("id")):
        question = replace(question, id=said.get("id"))
    try:
        return _understood(question, said)
    except UsageError as error:
        return replace(question, fault=error)


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", "") or "a number or its depth is out of bounds"
        raise UsageError(f"the line is not valid JSON: {why}.") from None
    if not isinstance(said, dict):
        raise UsageError("the line is not a JSON object.")
    return said


def _understood(question: Question, said: dict[str, Any]) -> Question:
    _require_known(said)
    if not _is_scalar(said.get("id")):
        raise UsageError("id takes text, a number, true, false or null.")
    for key in _TEXTS:
        if not isinstance(said.get(key, ""), str):
            raise UsageError(f"{key} takes text.")
    prompt: str = said.get("prompt", "")
    if not prompt.strip():
        raise UsageError("the prompt is empty." if "prompt" in said else "the prompt is missing.")
    settings = question.settings
    if "system" in said:
        settings = replace(settings, instructions=said["system"])
    if "effort" in said:
        if said["effort"] not in EFFORTS:
            raise UsageError("effort takes low, medium, high or none.")
        settings = settings.with_effort(said["effort"])
    for name, number in NUMBERS.items():
        value = said.get(name)
        if name not in said or (value is None and number.open):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not number.takes(value):
            raise UsageError(f"{name} takes {number.words}.")
        settings = settings.with_value(name, value)
    return replace(question, prompt=prompt, settings=settings)


def _is_scalar(value: object) -> bool:
    # Too large a number is infinite, which JSON cannot write.
    return isinstance(value, Scalar) and not (isinstance(value, float) and math.isinf(value))


def _require_known(said: dict[str, Any]) -> None:
    unknown = next((key for key in said if key not in _KEYS), None)
    if unknown is not None:
        near = difflib.get_close_matches(unknown, _KEYS, n=1, cutoff=0.5)
        meant = f"did you mean {near[0]}?" if near else f"it takes {', '.join(_KEYS)}."
        raise UsageError(f"there is no key {unknown[:60]!r}; {meant}")


def _seed(base: int | None, index: int) -> int:
    assert base is not None  # a batch without a seed is given one
    hashed = hashlib.sha256(f"{base}:{index}".encode()).digest()
    return int.from_bytes(hashed[:8], "big") % _LARGEST_SEED


def _no_constant(name: str) -> float:
    raise ValueError(name)
