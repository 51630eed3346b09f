"""What a one-shot is asked for besides the answer: with what, in which shape, where to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gptoss_cli.errors import UsageError


class Shape(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of ``gptoss run``, an option each.

    At most one of ``schema``, ``schema_multi``, ``choices``, ``regex`` and ``grammar`` says what
    form the answer has. ``saves`` None keeps what a person asks at a terminal, and nothing else;
    ``markdown`` None renders at a terminal.
    """

    files: tuple[str, ...] = ()
    template: str | None = None
    parameters: tuple[str, ...] = ()
    session: str | None = None
    saves: bool | None = None
    shape: Shape = Shape.TEXT
    markdown: bool | None = None
    schema: str | None = None
    schema_multi: str | None = None
    choices: tuple[str, ...] = ()
    regex: str | None = None
    grammar: str | None = None
    extract: str | None = None
    every: bool = False
    newline: bool = True
    output: str | None = None
    timeout_s: float | None = None
    allow_truncated: bool = False
    dry_run: bool = False
    executes: bool = False

    @property
    def forms(self) -> list[str]:
        """The options that say what form the answer has, those that are given."""
        names = ("schema", "schema_multi", "choices", "regex", "grammar")
        given = [name for name in names if getattr(self, name) not in {None, ()}]
        return [f"--{name.replace('_', '-')}" for name in given]

    @property
    def asks(self) -> bool:
        """Whether there is a question without any words: documents or a template."""
        return bool(self.files or self.template)

    def check(self) -> None:
        """Raise UsageError for what contradicts itself, whether options or a template say it."""
        if self.every and self.extract is None:
            raise UsageError("--all belongs to --extract.", hint="--extract code --all")
        if self.parameters and self.template is None:
            raise UsageError("-p fills in a template.", hint="--template NAME")
        if self.extract is not None and not self.extract.strip():
            raise UsageError("--extract names nothing.", hint="--extract code")
        forms = self.forms + (["--extract"] if self.extract is not None else [])
        if len(forms) > 1:
            are = f"{' and '.join(forms)} are several forms of the answer"
            raise UsageError(f"{are}.", hint=forms[0])
        if self.executes and (forms or self.output or self.shape is not Shape.TEXT):
            raise UsageError("--execute shows a command to a person, and writes no answer.")
