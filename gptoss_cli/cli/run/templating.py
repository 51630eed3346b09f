"""``--template``: a prompt with places that the question and ``-p`` fill in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from gptoss_cli.config.paths import user_paths
from gptoss_cli.config.templates import Template, load_template
from gptoss_cli.errors import UsageError

if TYPE_CHECKING:
    from gptoss_cli.cli.options import Settings
    from gptoss_cli.cli.run.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Filling:
    """A template with what is given for its places."""

    template: Template
    values: dict[str, str]

    def prompt(self, question: str) -> str:
        """Return the prompt for `question`. Raises UsageError when there must be one."""
        if self.template.wants_input and not question:
            example = self.template.example
            raise UsageError(
                f"the template {self.template.name} wants a text to work on.",
                hint=example or f"gptoss run --template {self.template.name} -f FILE",
            )
        return self.template.filled(question, self.values)[0]

    def applied(self, settings: Settings, wanted: Wanted) -> tuple[Settings, Wanted]:
        """Return both with what the template sets and the command line does not."""
        template, given = self.template, settings.given
        names = {field.name for field in fields(settings)}
        changes = {
            name: value
            for name, value in template.settings.items()
            if name in names and name not in given
        }
        system = template.filled("", self.values)[1]
        if system and "system" not in given:
            changes["system"] = system
        settings = replace(settings, **changes, given=given | changes.keys())  # type: ignore[arg-type]
        if not wanted.forms and wanted.extract is None:
            wanted = replace(wanted, schema=template.schema, extract=template.extract)
        return settings, wanted


def filling(name: str, parameters: Sequence[str]) -> Filling:
    """Return the template `name` with the `parameters`, each ``key=value``, and files read.

    Raises UsageError.
    """
    template = load_template(name, user_paths().templates)
    values: dict[str, str] = {}
    for parameter in parameters:
        key, sign, value = parameter.partition("=")
        if not sign or not key:
            raise UsageError(f"-p takes NAME=VALUE, not {parameter}.", hint="-p language=Korean")
        asked = template.parameters.get(key)
        values[key] = _content_of(value) if asked is not None and asked.is_file else value
    template.filled("", values)  # what is missing or unknown is told before anything is loaded
    return Filling(template, values)


def _content_of(name: str) -> str:
    from gptoss_cli.cli.run.asking import documents_named

    return "\n\n".join(document.text.strip("\n") for document in documents_named([name]))
