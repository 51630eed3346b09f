"""The form that an answer must have, from what a person typed to what the answer is.

A form is checked whole when it is made: what cannot be enforced is refused before a model is
loaded. Afterwards it says three things: the grammar that holds the answer, what the model is told
about it, and how to read the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gptoss_cli.engine import grammar as grammars
from gptoss_cli.engine.base import Grammar
from gptoss_cli.errors import UnmetFormError, UsageError
from gptoss_cli.messages import ResponseFormat
from gptoss_cli.structured import argument
from gptoss_cli.structured.enforceable import Enforceable, enforceable
from gptoss_cli.structured.gbnf import converted
from gptoss_cli.structured.validation import Validator, draft_of, parsed

_MOST_CHOICES: Final = 10_000
_MOST_PATTERN: Final = 10_000
# How many schemas inside a schema are tried one by one, to say which cannot be enforced.
_MOST_BLAMED: Final = 200
_AGAIN: Final = "ask again, or give it more tokens"


@dataclass(frozen=True, slots=True)
class OutputForm:
    """The form of a final answer.

    ``grammar`` goes to ``Engine.answer``. ``response_format`` belongs into the developer message,
    or is None, and ``instructions`` are to be added to its instructions, or empty. ``reads_json``
    says whether ``read`` returns what JSON parses to, rather than the text.
    """

    grammar: Grammar
    response_format: ResponseFormat | None
    instructions: str
    reads_json: bool
    _read: Callable[[str], Any]

    def read(self, text: str) -> Any:
        """Return what the answer `text` is. Raises UnmetFormError, with the place, if it is not."""
        return self._read(text)

    def told_with(self, instructions: str) -> str:
        """Return the developer's `instructions` and those of the form."""
        return "\n\n".join(part for part in (instructions.strip(), self.instructions) if part)


def schema_form(schema: str, *, several: bool = False) -> OutputForm:
    """Return the form of answers that follow `schema`: JSON, a file, or fields in a line.

    With `several` the answer is an object with a list of them, ``items``. Raises UsageError, or
    UnmetFormError that names the keywords which cannot be enforced.
    """
    text = argument.schema_text(schema)
    try:
        parsed(text, exact=True)
        read = parsed(text)
        json.dumps(read, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError("the schema has half a character (a lone surrogate).") from error
    except ValueError as error:
        raise UsageError(f"the schema is not JSON: {error}.") from error
    if not isinstance(read, Mapping | bool):
        raise UsageError("a schema is an object.")
    draft = draft_of(read)
    if several:
        read = argument.several(read)
        text = json.dumps(read)
    grammar = _schema_grammar(enforceable(read, draft))
    validator = Validator(text, draft)
    told = read if isinstance(read, Mapping) else {}
    title, description = told.get("title"), told.get("description")
    response_format = ResponseFormat(
        name=title if isinstance(title, str) and title.strip() else "answer",
        schema=told,
        description=description if isinstance(description, str) else "",
    )
    return OutputForm(grammar, response_format, "", True, validator.read)


def choices_form(choices: Sequence[str]) -> OutputForm:
    """Return the form of answers that are one of `choices`, to the letter. Raises UsageError."""
    wanted = list(dict.fromkeys(choices))
    if not wanted or any(not choice.strip() for choice in wanted):
        raise UsageError("a choice is empty.", hint="--choices yes,no,maybe")
    if len(wanted) > _MOST_CHOICES:
        raise UsageError(f"there are more than {_MOST_CHOICES:,} choices.")
    try:
        "".join(wanted).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError("a choice is not text.") from error
    pattern = "|".join("".join(f"\\x{{{ord(c):x}}}" for c in choice) for choice in wanted)
    grammar = grammars.regex_grammar(pattern)
    _check(grammar, "the choices")

    def read(text: str) -> str:
        if text not in wanted:
            raise UnmetFormError("the answer is none of the choices.", hint=_AGAIN)
        return text

    listed = "\n".join(f"- {choice}" for choice in wanted)
    told = f"The final answer is exactly one of these, and nothing else:\n{listed}"
    return OutputForm(grammar, None, told, False, read)


def regex_form(pattern: str) -> OutputForm:
    """Return the form of answers that as a whole match `pattern`, in the syntax of Rust's regex
    crate. Raises UsageError or UnmetFormError.
    """
    try:
        pattern.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError("the pattern is not text.") from error
    if len(pattern) > _MOST_PATTERN:
        raise UnmetFormError(f"the pattern is longer than {_MOST_PATTERN:,} characters.")
    told = f"The final answer, as a whole, matches this regular expression:\n{pattern}"
    return _text_form(grammars.regex_grammar(pattern), "the pattern", told)


def grammar_form(path: Path) -> OutputForm:
    """Return the form of answers that follow the GBNF grammar in the file `path`.

    Raises UsageError or UnmetFormError.
    """
    text = argument.read_text(path, "grammar")
    made = converted(text)
    make = grammars.regex_grammar if made.is_regex else grammars.lark_grammar
    told = ""
    if len(text) <= _MOST_PATTERN:
        told = f"The final answer, as a whole, follows this grammar (GBNF):\n{text.strip()}"
    return _text_form(make(made.text), "the grammar", told)


def _text_form(grammar: Grammar, what: str, told: str) -> OutputForm:
    _check(grammar, what)

    def read(text: str) -> str:
        if not grammars.matches(grammar, text):
            raise UnmetFormError(f"the answer does not follow {what}.", hint=_AGAIN)
        return text

    return OutputForm(grammar, None, told, False, read)


def _schema_grammar(schema: Enforceable) -> Grammar:
    grammar = grammars.json_grammar(schema.schema)
    try:
        grammars.check(grammar)
    except UnmetFormError as error:
        where, why = "#", str(error)
        for pointer, part in schema.inner[:_MOST_BLAMED]:
            try:
                grammars.check(grammars.json_grammar(part))
            except grammars.UnsatisfiableError:  # such a part may be left out
                continue
            except UnmetFormError as cause:
                where, why = pointer, str(cause)
                break
        raise UnmetFormError(f"the schema cannot be enforced: {why}, at {where}.") from error
    return grammar


def _check(grammar: Grammar, what: str) -> None:
    try:
        grammars.check(grammar)
    except UnmetFormError as error:
        raise UnmetFormError(f"{what} cannot be enforced: {error}.", hint=error.hint) from error
