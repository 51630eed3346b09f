"""Token ids to events, one at a time, from models as they are.

A completion begins right after ``<|start|>assistant``. In a good one each message is
``{header}<|message|>{content}`` and an end marker (openai/harmony, docs/format.md). Of others the
parser makes what a person would want: it never raises, never shows a control token and keeps text.

- Text where a header should be is an answer, since somebody waits for one (``header.read_header``).
- ``<|start|>`` or ``<|channel|>`` inside content ends the message and begins the next header.
- Other control tokens, and ids that the vocabulary does not have, are left out.
- A message in the name of somebody else ends the turn: the model has begun to invent the user's
  next question, or a tool's result. Nothing is read after the end of the turn.
"""

from __future__ import annotations

import codecs
from contextlib import suppress
from typing import assert_never

from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    FinishReason,
    MessageCompleted,
    PreambleDelta,
    ToolCallDelta,
)
from gptoss_cli.harmony.header import Header, Section, read_header, written_by_another
from gptoss_cli.harmony.vocabulary import ControlToken, Vocabulary
from gptoss_cli.messages import Channel, Message, Role

# A header without <|message|> after so much text is no header; what it holds is shown now.
_MAX_HEADER_BYTES = 256
_STOPS = (ControlToken.RETURN, ControlToken.CALL, ControlToken.END_OF_TEXT)


class StreamParser:
    """The parser of one completion; `vocabulary` is the model's."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._role_ids = vocabulary.encode(Role.ASSISTANT.value)
        self._stops: set[int] = set()
        for name in _STOPS:
            with suppress(KeyError):
                self._stops.add(vocabulary.control(name))
        self._reasoning_tokens = 0
        self._is_over = False
        self._is_waiting_for_tool = False
        # The prompt ends in <|start|>assistant: the first header has its role already.
        self._draft = _Draft(role_ids=[])

    @property
    def stop_tokens(self) -> frozenset[int]:
        """The ids that end a turn; generation need not go beyond them."""
        return frozenset(self._stops)

    @property
    def reasoning_tokens(self) -> int:
        """How many tokens the contents of the analysis channel have taken so far."""
        return self._reasoning_tokens

    @property
    def is_in_analysis(self) -> bool:
        """Whether the model is thinking right now, so that ``answer_now`` may cut in."""
        header = self._draft.header
        return header is not None and header.channel is Channel.ANALYSIS and not header.recipient

    @property
    def is_over(self) -> bool:
        """Whether the turn has ended; without a stop token if the model speaks as another."""
        return self._is_over

    @property
    def finish_reason(self) -> FinishReason | None:
        """TOOL_CALLS if the turn ended on a call, STOP if it ended otherwise, None if it did not.

        It goes by what was said rather than by the stop token: models end calls with
        ``<|return|>`` or ``<|end|>``, and answers with ``<|call|>``.
        """
        if not self._is_over:
            return None
        return FinishReason.TOOL_CALLS if self._is_waiting_for_tool else FinishReason.STOP

    def feed(self, token: int) -> list[Event]:
        """Return what `token` adds. Any integer is accepted."""
        if self._is_over:
            return []
        if not 0 <= token < self._vocabulary.size:
            self._draft.is_damaged = True
            return []
        name = self._vocabulary.control_name(token)
        return self._text(token) if name is None else self._control(name, token)

    def finish(self) -> list[Event]:
        """Return what is left at the end of the stream: a message cut off is not complete."""
        return [] if self._is_over else self._close(complete=False)

    def _text(self, token: int) -> list[Event]:
        draft = self._draft
        draft.tokens.append(token)
        piece = self._vocabulary.piece(token)
        if draft.header is None:
            draft.sections[-1][1].extend(piece)
            return self._open(has_message=False) if draft.is_endless_header() else []
        if draft.header.channel is Channel.ANALYSIS:
            self._reasoning_tokens += 1
        return draft.add(draft.decoder.decode(piece))

    def _control(self, name: str, token: int) -> list[Event]:
        draft = self._draft
        events: list[Event] = []
        match name:
            case ControlToken.START:
                events = self._close(complete=True)
                self._draft = _Draft(role_ids=self._role_ids)
            case ControlToken.END:
                events = self._close(complete=True, has_end=True)
            case ControlToken.RETURN | ControlToken.CALL | ControlToken.END_OF_TEXT:
                events = self._close(complete=True, has_end=True)
                self._is_over = True
            case ControlToken.CHANNEL:
                if draft.header is not None or draft.is_prose_before_channel():
                    events = self._close(complete=True)
                self._draft.begin_section(name, token)
            case ControlToken.MESSAGE if draft.header is None:
                draft.tokens.append(token)
                events = self._open(has_message=True)
            case ControlToken.CONSTRAIN if draft.header is None:
                draft.begin_section(name, token)
            case _:
                draft.is_damaged = True
        return events

    def _open(self, *, has_message: bool) -> list[Event]:
        """Go from the header to the content, which may begin with text found in the header."""
        draft = self._draft
        if draft.is_by_another():
            self._is_over = True
            return []
        draft.header = draft.read(has_message=has_message)
        draft.is_damaged |= not has_message or bool(draft.header.content)
        return draft.add(draft.header.content)

    def _close(self, *, complete: bool, has_end: bool = False) -> list[Event]:
        """End the message, if there is one; whatever comes next begins with a header."""
        draft = self._draft
        events: list[Event] = []
        if draft.header is None and draft.says_something(has_end=has_end):
            events = self._open(has_message=False)
        if draft.header is not None:
            events += draft.add(draft.decoder.decode(b"", final=True))
            message = draft.message()
            events.append(MessageCompleted(message, complete))
            if message.channel is Channel.FINAL or message.recipient:
                self._is_waiting_for_tool = message.recipient is not None
        self._draft = _Draft(role_ids=None)
        return events


class _Draft:
    """A message while it is being written.

    `role_ids` are the tokens of the role that the message has to begin with for its tokens to be
    those of a good message; None if the message lacks its ``<|start|>``.
    """

    def __init__(self, *, role_ids: list[int] | None) -> None:
        self.header: Header | None = None
        self.sections: list[tuple[str | None, bytearray]] = [(None, bytearray())]
        self.tokens: list[int] = []
        self.is_damaged = False
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._role_ids = role_ids
        self._content: list[str] = []

    def begin_section(self, marker: str, token: int) -> None:
        self.tokens.append(token)
        self.sections.append((marker, bytearray()))

    def read(self, *, has_message: bool) -> Header:
        sections = [
            Section(marker, raw.decode("utf-8", "replace")) for marker, raw in self.sections
        ]
        return read_header(sections, has_message=has_message)

    def is_by_another(self) -> bool:
        """Whether the header, begun by ``<|start|>``, has another author than the assistant."""
        role_section = self.sections[0][1].decode("utf-8", "replace")
        return bool(self._role_ids) and written_by_another(role_section)

    def is_endless_header(self) -> bool:
        """Whether the header is too long to be one, and does not end within a character."""
        if sum(len(raw) for _, raw in self.sections) <= _MAX_HEADER_BYTES:
            return False
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode(bytes(self.sections[-1][1]))
        return not decoder.getstate()[0]

    def is_prose_before_channel(self) -> bool:
        """Whether there is a message without a header where the role should be."""
        if len(self.sections) > 1 or self.is_by_another():
            return False
        header = self.read(has_message=False)
        return header.recipient is None and len(header.content.split()) > 1

    def says_something(self, *, has_end: bool) -> bool:
        """Whether a header without ``<|message|>`` holds text, or is a call without arguments."""
        header = self.read(has_message=False)
        return bool(header.content.strip()) or (has_end and header.recipient is not None)

    def add(self, text: str) -> list[Event]:
        """Add `text` to the content."""
        header = self.header
        if not text or header is None:
            return []
        self._content.append(text)
        if header.recipient is not None:
            return [ToolCallDelta(header.recipient, text)]
        match header.channel:
            case Channel.ANALYSIS:
                return [AnalysisDelta(text)]
            case Channel.COMMENTARY:
                return [PreambleDelta(text)]
            case Channel.FINAL:
                return [FinalDelta(text)]
            case _:
                assert_never(header.channel)

    def message(self) -> Message:
        """Return the message, with its tokens if they can stand in a prompt as they are."""
        header = self.header or Header()
        return Message(
            role=Role.ASSISTANT,
            content="".join(self._content),
            channel=header.channel,
            recipient=header.recipient,
            content_type=header.content_type,
            tokens=self._replayable_tokens(),
        )

    def _replayable_tokens(self) -> tuple[int, ...] | None:
        role_ids = self._role_ids
        if self.is_damaged or role_ids is None or self.tokens[: len(role_ids)] != role_ids:
            return None
        return tuple(self.tokens[len(role_ids) :])
