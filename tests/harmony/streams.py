"""Streams of tokens written as text, and what a parser makes of them written as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hypothesis import HealthCheck, settings

from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    MessageCompleted,
    PreambleDelta,
    ToolCallDelta,
)
from gptoss_cli.harmony.parse import StreamParser
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.messages import Channel, Message

# A busy machine is no reason to fail.
many_examples = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
_MARKER = re.compile(r"(<\|[a-z]+\|>)")


def byte_alphabet() -> dict[int, int]:
    """GPT-2's printable stand-ins for bytes, as `str.translate` takes them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [b for b in range(256) if b not in printable]
    return {b: b for b in printable} | {b: 0x100 + i for i, b in enumerate(hidden)}


def tokens_of(text: str, vocabulary: Vocabulary) -> list[int]:
    """The ids of `text`, in which ``<|…|>`` are control tokens."""
    ids: list[int] = []
    for part in _MARKER.split(text):
        ids += [vocabulary.control(part)] if _MARKER.fullmatch(part) else vocabulary.encode(part)
    return ids


def parse(tokens: Iterable[int], vocabulary: Vocabulary) -> tuple[list[Event], StreamParser]:
    """All events of a completion, and the parser at its end."""
    parser = StreamParser(vocabulary)
    events = [event for token in tokens for event in parser.feed(token)]
    return events + parser.finish(), parser


def messages_in(events: Iterable[Event]) -> list[Message]:
    return [e.message for e in events if isinstance(e, MessageCompleted)]


def transcript(events: Iterable[Event]) -> list[str]:
    """One line per message: ``final: text``, ``preamble: text``, ``call functions.f: {}``.

    A message that was cut off ends in ``…``.
    """
    lines = []
    for event in events:
        if isinstance(event, MessageCompleted):
            message = event.message
            speaker = str(message.channel)
            if message.channel is Channel.COMMENTARY:
                speaker = "preamble"
            if message.recipient is not None:
                speaker = f"call {message.recipient}"
            lines.append(f"{speaker}: {message.content}" + ("" if event.complete else "…"))
    return lines


def streamed(events: Sequence[Event]) -> list[str]:
    """What somebody saw who only watched the deltas, in the form of `transcript`."""
    lines = []
    speaker = None
    text = ""
    for event in events:
        match event:
            case AnalysisDelta(more):
                speaker = "analysis"
            case PreambleDelta(more):
                speaker = "preamble"
            case FinalDelta(more):
                speaker = "final"
            case ToolCallDelta(recipient, more):
                speaker = f"call {recipient}"
            case MessageCompleted(_, complete):
                end = "" if complete else "…"
                lines.append(f"{speaker}: {text}{end}" if speaker else transcript([event])[0])
                speaker, text, more = None, "", ""
        text += more
    return lines
