"""An answer for programs: all of it in one object, or its events as they happen.

Both shapes are described in docs/run-output.schema.json; ``VERSION`` changes when they do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from gptoss_cli.characters import json_escaped
from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    Finished,
    PreambleDelta,
    ToolCallDelta,
    figures,
)

if TYPE_CHECKING:
    from gptoss_cli.errors import GptossError
    from gptoss_cli.ui.area import Output

VERSION: Final = 1


class AnswerRecord:
    """What one answer consisted of; texts are as the model wrote them."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {"final": [], "thinking": [], "preamble": []}
        self._calls: list[dict[str, str]] = []
        self.finished: Finished | None = None

    @property
    def final(self) -> str:
        """The answer so far."""
        return "".join(self._texts["final"])

    def feed(self, event: Event) -> None:
        """Take what `event` adds."""
        match event:
            case FinalDelta(text):
                self._texts["final"].append(text)
            case AnalysisDelta(text):
                self._texts["thinking"].append(text)
            case PreambleDelta(text):
                self._texts["preamble"].append(text)
            case ToolCallDelta(recipient, text):
                if not self._calls or self._calls[-1]["recipient"] != recipient:
                    self._calls.append({"recipient": recipient, "arguments": ""})
                self._calls[-1]["arguments"] += text
            case Finished():
                self.finished = event
            case _:
                pass

    def as_object(
        self,
        about: Mapping[str, Any],
        *,
        exit_code: int,
        error: GptossError | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the answer as one object for ``json_text``; `about` says what it was asked of,
        `extra` are more members behind the answer.
        """
        content = {name: "".join(parts) for name, parts in self._texts.items()}
        return {
            "version": VERSION,
            **about,
            **content,
            "tool_calls": self._calls,
            **(extra or {}),
            **figures(self.finished),
            "exit_code": exit_code,
            "error": error.members if error is not None else None,
        }


class EventLines:
    """Writes each event of an answer as a line of JSON, at once."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def start(self, about: Mapping[str, Any]) -> None:
        """Write what the answer is asked of."""
        self._write({"type": "start", "version": VERSION, **about})

    def feed(self, event: Event) -> None:
        """Write `event`, if it is one for programs."""
        match event:
            case FinalDelta(text):
                self._write({"type": "final", "text": text})
            case AnalysisDelta(text):
                self._write({"type": "thinking", "text": text})
            case PreambleDelta(text):
                self._write({"type": "preamble", "text": text})
            case ToolCallDelta(recipient, text):
                self._write({"type": "tool", "recipient": recipient, "text": text})
            case _:
                pass

    def end(
        self,
        finished: Finished | None,
        *,
        exit_code: int,
        error: GptossError | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the figures, what went wrong, and how it ended; `extra` joins the last line."""
        told = figures(finished)
        reason = told.pop("finish_reason")
        if finished is not None:
            self._write({"type": "usage", **told})
        if error is not None:
            self._write({"type": "error", **error.members})
        end = {"type": "end", **(extra or {}), "finish_reason": reason, "exit_code": exit_code}
        self._write(end)

    def _write(self, content: Mapping[str, Any]) -> None:
        self._output.write(json_text(content) + "\n")


def json_text(content: Any) -> str:
    """Return `content` as JSON that is valid UTF-8 and harmless on a terminal."""
    return json_escaped(json.dumps(content, ensure_ascii=False))
