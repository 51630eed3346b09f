"""The form of the answer that the options ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gptoss_cli.errors import UsageError

if TYPE_CHECKING:
    from gptoss_cli.cli.run.wanted import Wanted
    from gptoss_cli.structured.form import OutputForm


def form_of(wanted: Wanted) -> OutputForm | None:
    """Return the form that `wanted` asks for, checked before anything is loaded; None for any.

    Raises UsageError, or UnmetFormError that names what cannot be enforced.
    """
    if not wanted.forms:
        return None
    if "" in {wanted.regex, wanted.grammar}:
        raise UsageError(f"{wanted.forms[0]} says nothing.", hint="leave it out for any answer")
    from gptoss_cli.structured.form import choices_form, grammar_form, regex_form, schema_form

    if wanted.schema is not None:
        return schema_form(wanted.schema)
    if wanted.schema_multi is not None:
        return schema_form(wanted.schema_multi, several=True)
    if wanted.choices:
        return choices_form(wanted.choices)
    if wanted.regex is not None:
        return regex_form(wanted.regex)
    return grammar_form(Path(wanted.grammar or ""))
