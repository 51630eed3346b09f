"""What flows out of an engine while it answers: a closed union of frozen events.

Order: any number of ``LoadProgress``; then per step any number of ``PromptProgress``, then the
deltas, each message closed by ``MessageCompleted``, and exactly one ``Finished`` at the end, also
when the answer was stopped. Texts are untrusted: whoever shows them on a terminal sanitises them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from gptoss_cli.messages import Message


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Counts in tokens. ``cached_tokens`` of the prompt were in the KV cache already;
    ``reasoning_tokens`` of the completion are the contents of the analysis channel.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    context_used: int = 0
    context_window: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds and rates of one step. ``ttft_s``: from the request to the first token;
    ``prefill_tps`` and ``decode_tps``: evaluated prompt tokens and generated tokens per second,
    0.0 when there were none; ``reasoning_s``: time spent in the analysis channel.
    """

    ttft_s: float = 0.0
    total_s: float = 0.0
    prefill_tps: float = 0.0
    decode_tps: float = 0.0
    reasoning_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """Weights are being loaded; ``fraction`` runs from 0.0 to 1.0."""

    fraction: float


@dataclass(frozen=True, slots=True)
class PromptProgress:
    """The prompt is being read: ``done_tokens`` of ``total_tokens``, in ``elapsed_s`` seconds."""

    done_tokens: int
    total_tokens: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class AnalysisDelta:
    """More of the thinking. Not for end users unless they ask (harmony, docs/format.md)."""

    text: str


@dataclass(frozen=True, slots=True)
class PreambleDelta:
    """More of a preamble: commentary addressed to the user, before tool calls."""

    text: str


@dataclass(frozen=True, slots=True)
class FinalDelta:
    """More of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of the arguments of a call to ``recipient`` (``functions.get_weather``, ``python``)."""

    recipient: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageCompleted:
    """A whole message, exactly as it joins the conversation.

    ``complete`` is False when the stream ended inside it (stopped, or out of tokens).
    """

    message: Message
    complete: bool = True


@dataclass(frozen=True, slots=True)
class TurnsDropped:
    """The window is full: the ``count`` oldest turns left the prompt."""

    count: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the person that is no part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer ended."""

    reason: FinishReason
    usage: Usage = Usage()
    timings: Timings = Timings()


def figures(finished: Finished | None) -> dict[str, Any]:
    """Return what programs are told of the end of an answer, None: there was none."""
    if finished is None:
        return {"finish_reason": None, "usage": None, "timings": None}
    timings = {name: round(value, 4) for name, value in asdict(finished.timings).items()}
    return {
        "finish_reason": finished.reason.value,
        "usage": asdict(finished.usage),
        "timings": timings,
    }


Event = (
    LoadProgress
    | PromptProgress
    | AnalysisDelta
    | PreambleDelta
    | FinalDelta
    | ToolCallDelta
    | MessageCompleted
    | TurnsDropped
    | Notice
    | Finished
)
