"""What a conversation is held with: the model's name, effort, instructions, sampling."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from gptoss_cli.chat.numbers import NUMBERS
from gptoss_cli.engine.base import Grammar, Sampling
from gptoss_cli.errors import UsageError
from gptoss_cli.messages import (
    Conversation,
    DeveloperPrompt,
    Message,
    ReasoningEffort,
    ResponseFormat,
    SystemPrompt,
)
from gptoss_cli.sessions.records import SessionSettings

_AS_MADE_FOR: Final = Sampling()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """``thinking`` False opens the answer at once, whatever the effort. ``date`` is ISO, or None to
    leave it out; ``max_tokens`` bounds thinking and answer together. ``grammar`` is what the final
    answer is held to, ``response_format`` how the model is told; neither is stored.
    """

    model: str = ""
    effort: ReasoningEffort = ReasoningEffort.MEDIUM
    thinking: bool = True
    instructions: str = ""
    date: str | None = None
    sampling: Sampling = _AS_MADE_FOR
    max_tokens: int | None = None
    grammar: Grammar | None = None
    response_format: ResponseFormat | None = None

    @property
    def effort_name(self) -> str:
        """The effort as people choose it: low, medium, high or none."""
        return self.effort.value if self.thinking else "none"

    def with_effort(self, name: str) -> ChatSettings:
        """Return the settings with the effort `name`, one of low, medium, high and none.

        None leaves the effort in the system message as it is, so that nothing is read again.
        """
        if name == "none":
            return replace(self, thinking=False)
        return replace(self, thinking=True, effort=ReasoningEffort(name))

    def conversation(self, messages: tuple[Message, ...] = ()) -> Conversation:
        """Return `messages` with the system and developer messages that these settings make."""
        formats = (self.response_format,) if self.response_format is not None else ()
        developer = DeveloperPrompt(instructions=self.instructions, response_formats=formats)
        has_developer = bool(self.instructions.strip() or formats)
        return Conversation(
            system=SystemPrompt(date=self.date, effort=self.effort),
            developer=developer if has_developer else None,
            messages=messages,
        )

    def record(self) -> SessionSettings:
        """Return the settings as a session is stored with them."""
        return SessionSettings(
            effort=self.effort,
            thinking=self.thinking,
            instructions=self.instructions,
            date=self.date,
            sampling=asdict(self.sampling) | {"max_tokens": self.max_tokens},
        )

    def resumed(self, record: SessionSettings, given: frozenset[str] = frozenset()) -> ChatSettings:
        """Return the settings of a stored session; what it does not say, or what was `given` by
        the name of its option, is as in these.
        """
        settings = self
        if "effort" not in given:
            settings = replace(settings, effort=record.effort, thinking=record.thinking)
        if "system" not in given:
            settings = replace(settings, instructions=record.instructions)
        if "date" not in given and record.date:
            settings = replace(settings, date=record.date)
        for name, value in record.sampling.items():
            number = NUMBERS.get(name)
            if number is not None and name not in given and number.takes(value):
                settings = _with(settings, name, value)
        return settings

    def number(self, name: str) -> float | int | None:
        """Return the number `name`, one of ``NUMBERS``."""
        value: float | int | None = getattr(self if name == "max_tokens" else self.sampling, name)
        return value

    def with_number(self, name: str, text: str) -> ChatSettings:
        """Return the settings with the number `name` read from `text`.

        UsageError where there is no such number, or it does not take this value.
        """
        number = NUMBERS.get(name)
        if number is None:
            near = difflib.get_close_matches(name, NUMBERS, n=1, cutoff=0.4)
            raise UsageError(
                f"there is no {name} to set.",
                hint=f"did you mean {near[0]}?" if near else " ".join(NUMBERS),
            )
        value = number.read(text)
        if not number.takes(value):
            raise UsageError(f"{name} takes {number.words}, not {text}.")
        return _with(self, name, value)

    def with_value(self, name: str, value: float | None) -> ChatSettings:
        """Return the settings with one of ``NUMBERS``, which takes `value`, set to it."""
        return _with(self, name, value)


def _with(settings: ChatSettings, name: str, value: float | None) -> ChatSettings:
    """Return `settings` with one of ``NUMBERS``, which takes `value`, set to it."""
    change: dict[str, Any] = {name: value}
    if name == "max_tokens":
        return replace(settings, **change)
    return replace(settings, sampling=replace(settings.sampling, **change))
