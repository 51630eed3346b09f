"""Whether a JSON text follows a schema, by jsonschema, and where it does not.

jsonschema decides, with three differences: numbers are exact decimals, so that 0.07 is a multiple
of 0.01; patterns are ECMA-262's, as the specification demands, not Python's; formats are held to
what answers are held to (structured/formats.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import jsonschema
from jsonschema import FormatChecker, ValidationError
from jsonschema.exceptions import best_match

from gptoss_cli.errors import UnmetFormError
from gptoss_cli.structured.formats import FORMATS
from gptoss_cli.structured.pattern import translated
from gptoss_cli.structured.pointer import pointer_to

_DRAFTS: Final[dict[int, Any]] = {
    4: jsonschema.Draft4Validator,
    6: jsonschema.Draft6Validator,
    7: jsonschema.Draft7Validator,
    2019: jsonschema.Draft201909Validator,
    2020: jsonschema.Draft202012Validator,
}
_DRAFT = re.compile(
    r"https?://json-schema\.org/(?:draft-0([467])|draft/(2019|2020)-(?:09|12))/schema#?"
)
_MOST_SHOWN: Final = 80
_MOST_EXPONENT: Final = 5_000
_MOST_DIGITS: Final = 4_000  # Python itself reads 4,300


def draft_of(schema: object) -> int:
    """Return the draft that ``$schema`` names: 4, 6, 7, 2019 or 2020, which is the default.

    Raises UnmetFormError for another one.
    """
    named = schema.get("$schema") if isinstance(schema, Mapping) else None
    if named is None:
        return 2020
    match = _DRAFT.fullmatch(named) if isinstance(named, str) else None
    if match is None:
        raise UnmetFormError(
            f"the schema is of an unknown draft: {_shown(named)}.",
            hint="drafts 4, 6, 7, 2019-09 and 2020-12 are known",
        )
    return int(match[1] or match[2])


def parsed(text: str, *, exact: bool = False) -> Any:
    """Return the JSON value that `text` is; numbers with a point or an exponent are decimals if
    `exact`. Raises ValueError, whose message says what is wrong, for anything but JSON.
    """
    number = _decimal if exact else float
    try:
        return json.loads(text, parse_float=number, parse_int=_integer, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class Validator:
    """Checks texts against one schema of a `draft`; `schema_text` is that of an enforceable one."""

    def __init__(self, schema_text: str, draft: int) -> None:
        self._schema = parsed(schema_text, exact=True)
        base = _DRAFTS[draft]
        extend: Any = jsonschema.validators.extend
        cls = extend(base, _KEYWORDS, type_checker=_types(base.TYPE_CHECKER, draft))
        self._validator = cls(self._schema, format_checker=_format_checker())

    def read(self, text: str) -> Any:
        """Return the value that `text` is. UnmetFormError if it does not follow the schema."""
        try:
            exact, value = parsed(text, exact=True), parsed(text)
        except ValueError as error:
            raise UnmetFormError(f"the answer is not JSON: {error}.", hint=_AGAIN) from error
        try:
            found = best_match(self._validator.iter_errors(exact))
        except RecursionError as error:
            raise UnmetFormError("the answer is nested too deeply to be checked.") from error
        if found is not None:
            rule = f'against "{found.validator}": {_shown(found.validator_value)}'
            if not found.validator or found.validator_value is False:
                rule = "not allowed"
            where = pointer_to(found.absolute_path)
            raise UnmetFormError(
                f"the answer does not follow the schema: {_shown(found.instance)} at {where} is "
                f"{rule}.",
                hint=_AGAIN,
            )
        return value


_AGAIN: Final = "ask again, or give it more tokens"


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if (
        not number.is_finite()
        or abs(number.adjusted()) > _MOST_EXPONENT
        or float(text) in _INFINITE
    ):
        raise ValueError(f"the number {_shown(text)} is too large")
    return number


_INFINITE: Final = (float("inf"), float("-inf"))


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"the number {_shown(text)} is too large")
    return int(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _types(checker: Any, draft: int) -> Any:
    """Return the types of JSON, for numbers that are decimals."""

    def is_integer(_checker: object, value: object) -> bool:
        if isinstance(value, Decimal):
            return draft >= 6 and value == value.to_integral_value()
        return isinstance(value, int) and not isinstance(value, bool)

    return checker.redefine("integer", is_integer)


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    checker.checkers = {
        name: (_whole(translated(f"^(?:{pattern})$").python), ())
        for name, pattern in FORMATS.items()
    }
    return checker


def _whole(pattern: str) -> Any:
    compiled = re.compile(pattern)
    return lambda value: not isinstance(value, str) or compiled.search(value) is not None


def _multiple_of(
    _validator: Any, divisor: Any, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    is_number = isinstance(instance, int | Decimal) and not isinstance(instance, bool)
    if is_number and Fraction(instance) % Fraction(divisor):
        yield ValidationError("not a multiple")


def _pattern(
    _validator: Any, pattern: str, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _finds(pattern, instance):
        yield ValidationError("no match")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for pattern, schema in patterns.items():
            for name, value in instance.items():
                if _finds(pattern, name):
                    yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, additional: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for name, value in instance.items():
            if name in known or any(_finds(pattern, name) for pattern in patterns):
                continue
            if additional is False:
                yield ValidationError("not allowed", path=[name], instance=value)
            else:
                yield from validator.descend(value, additional, path=name)


def _finds(pattern: str, text: str) -> bool:
    return re.search(translated(pattern).python, text) is not None


_KEYWORDS: Final[dict[str, Any]] = {
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"
