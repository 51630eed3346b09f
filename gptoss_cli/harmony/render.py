"""A conversation as the segments of a prompt, and segments as token ids.

Control tokens are segments of their own, made by this module alone. Whatever comes from outside
(users, files, tools, names, schemas) is text, which `Vocabulary.encode` turns into ordinary tokens
whatever it spells. Names that stand in headers are reduced to one word besides, so that no text
can read as another header.

The rules are openai/harmony's (docs/format.md; v0.0.8, src/encoding.rs). Text is cut into segments
where the reference encodes separately, since merges across a cut would give other ids.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

import regex

from gptoss_cli.harmony.builtins import BUILTIN_NAMESPACES
from gptoss_cli.harmony.schema import json_text, lines_of, tool_namespace
from gptoss_cli.harmony.vocabulary import ControlToken, Vocabulary
from gptoss_cli.messages import (
    Channel,
    Conversation,
    DeveloperPrompt,
    Message,
    ResponseFormat,
    Role,
    SystemPrompt,
)

FUNCTIONS = "functions"
"""The namespace of the functions that the developer message describes."""

_ROLES = frozenset(Role)
# Blanks, control and format characters end a word or hide in one; the signs are those of markers.
_NOT_IN_A_WORD = regex.compile(r"[\s\p{Cc}\p{Cf}\p{Cs}\p{Z}<>|]+")


@dataclass(frozen=True, slots=True)
class Control:
    """A control token, by the name it has in the vocabulary (``<|start|>``)."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text to encode by itself, as ordinary tokens whatever it contains."""

    text: str


@dataclass(frozen=True, slots=True)
class RawTokens:
    """Ids to replay unchanged: the header and content that the model itself wrote.

    If `ids` do not spell a header and then `content`, as when another model wrote them or the
    message was edited, `instead` is encoded.
    """

    ids: tuple[int, ...]
    content: str
    instead: tuple[Segment, ...]


Segment = Control | Text | RawTokens

_START = Control(ControlToken.START)
_MESSAGE = Control(ControlToken.MESSAGE)
_CHANNEL = Control(ControlToken.CHANNEL)
_END = Control(ControlToken.END)
_IN_HEADERS = frozenset({None, ControlToken.CHANNEL, ControlToken.CONSTRAIN})
_ASSISTANT = Text(Role.ASSISTANT.value)


def render(conversation: Conversation) -> list[Segment]:
    """Return the whole prompt for the assistant's next message; it ends ``<|start|>assistant``.

    Never raises. An empty developer message is left out.
    """
    developer = conversation.developer or DeveloperPrompt()
    segments = _plain(Role.SYSTEM, _system_text(conversation.system, bool(developer.functions)))
    text = _developer_text(developer)
    if text:
        segments += _plain(Role.DEVELOPER, text)
    for message in _remembered(conversation.messages):
        segments += _message(message)
    segments += (_START, _ASSISTANT)
    return segments


def open_final() -> list[Segment]:
    """Return what follows ``<|start|>assistant`` when the answer is to begin without analysis."""
    return header(Channel.FINAL)


def header(channel: Channel, *, constrained_to: str = "") -> list[Segment]:
    """Return what follows ``<|start|>assistant`` in a message that is no call."""
    content_type: list[Segment] = []
    if constrained_to:
        content_type = [Text(" "), Control(ControlToken.CONSTRAIN), Text(constrained_to)]
    return [_CHANNEL, Text(channel.value), *content_type, _MESSAGE]


def begin_message() -> list[Segment]:
    """Return what stands before the header of each message of the assistant."""
    return [_START, _ASSISTANT]


def begin_question() -> list[Segment]:
    """Return what stands before what a user says."""
    return [_START, Text(Role.USER.value), _MESSAGE]


def answer_now() -> list[Segment]:
    """Return what closes a running analysis and opens the answer."""
    return [_END, _START, _ASSISTANT, *open_final()]


def header_word(text: str) -> str:
    """Return `text` as one word that a header can hold; a usual name is returned unchanged.

    Headers are words between control tokens, and ``to=`` marks the recipient (docs/format.md):
    a name with blanks in it, or that begins with ``to=``, would be read as several fields.
    """
    word = _NOT_IN_A_WORD.sub("_", text)
    return f"to_{word.removeprefix('to=')}" if word.startswith("to=") else word


class PromptEncoder:
    """Segments to token ids, remembering the ids of texts that come again with every step.

    The cache forgets the texts that were used longest ago once it holds more than
    `cache_characters` (4 bytes per token and the text itself).
    """

    def __init__(self, vocabulary: Vocabulary, *, cache_characters: int = 4_000_000) -> None:
        self._vocabulary = vocabulary
        self._limit = cache_characters
        self._cached = 0
        self._ids: OrderedDict[str, array[int]] = OrderedDict()

    def encode(self, segments: Iterable[Segment]) -> list[int]:
        """Return the ids of `segments`; KeyError if the vocabulary lacks a control token."""
        ids: list[int] = []
        for segment in segments:
            match segment:
                case Control(name):
                    ids.append(self._vocabulary.control(name))
                case Text(text):
                    ids += self._text_ids(text)
                case RawTokens(raw, content, instead):
                    ids += raw if self._spells(raw, content) else self.encode(instead)
                case _:
                    assert_never(segment)
        return ids

    def _spells(self, raw: Sequence[int], content: str) -> bool:
        vocabulary = self._vocabulary
        message = vocabulary.control(ControlToken.MESSAGE)
        if message not in raw or not all(0 <= i < vocabulary.size for i in raw):
            return False
        split = raw.index(message)
        names = {vocabulary.control_name(i) for i in raw[:split]}
        if not names <= _IN_HEADERS or any(map(vocabulary.control_name, raw[split + 1 :])):
            return False
        written = b"".join(map(vocabulary.piece, raw[split + 1 :]))
        return written.decode("utf-8", "replace") == content

    def _text_ids(self, text: str) -> Sequence[int]:
        ids = self._ids.get(text)
        if ids is not None:
            self._ids.move_to_end(text)
            return ids
        ids = array("I", self._vocabulary.encode(text))
        if len(text) <= self._limit:
            self._ids[text] = ids
            self._cached += len(text)
        while self._cached > self._limit:
            forgotten, _ = self._ids.popitem(last=False)
            self._cached -= len(forgotten)
        return ids


def _remembered(messages: Sequence[Message]) -> Iterator[Message]:
    """Yield the messages that stay in the prompt.

    The analysis channel, built-in tools at work on it included, is dropped once a final answer has
    followed it, and kept while tools are still at work (docs/format.md, "Handling reasoning output
    in subsequent sampling"). The library drops it only before the first final, and brings it back
    during a later turn's tool calls, which would change the prompt far ahead of its end.
    """
    last_final = -1
    for i, message in enumerate(messages):
        is_final = message.channel is Channel.FINAL and message.recipient is None
        if message.role is Role.ASSISTANT and is_final:
            last_final = i
    for i, message in enumerate(messages):
        if i > last_final or _channel(message) is not Channel.ANALYSIS:
            yield message


def _channel(message: Message) -> Channel | None:
    """Return the channel of `message`; a tool answers on the channel its kind is called on."""
    if message.role is not Role.TOOL or message.channel is not None:
        return message.channel
    is_function = _tool_author(message.name).startswith(f"{FUNCTIONS}.")
    return Channel.COMMENTARY if is_function else Channel.ANALYSIS


def _plain(role: Role, text: str) -> list[Segment]:
    return [_START, Text(role.value), _MESSAGE, Text(text), _END]


def _message(message: Message) -> Iterator[Segment]:
    yield _START
    written = [*_header(message), _MESSAGE, Text(message.content)]
    if message.role is Role.ASSISTANT and message.tokens is not None:
        yield _ASSISTANT
        yield RawTokens(message.tokens, message.content, tuple(written[1:]))
    else:
        yield from written
    # A stored <|return|> is an <|end|> (docs/format.md, "Implementation note"); a call stays one.
    is_call = message.role is Role.ASSISTANT and message.recipient is not None
    yield Control(ControlToken.CALL) if is_call else _END


def _header(message: Message) -> Iterator[Segment]:
    recipient, channel = message.recipient, _channel(message)
    if message.role is Role.TOOL:
        yield Text(_tool_author(message.name))
        recipient = recipient or Role.ASSISTANT.value
    else:
        yield Text(message.role.value)
        if message.name is not None:
            yield Text(f":{header_word(message.name)}")
    if recipient is not None and recipient != "all":
        yield Text(f" to={header_word(recipient)}")
    if channel is not None:
        yield _CHANNEL
        yield Text(channel.value)
    if message.content_type is not None:
        yield from _content_type(message.content_type)


def _tool_author(name: str | None) -> str:
    """Return the author of a tool's message: never empty and never one of the roles."""
    word = header_word(name or "tool")
    return f"{FUNCTIONS}.{word}" if word.partition(":")[0] in _ROLES else word


def _content_type(content_type: str) -> Iterator[Segment]:
    rest = content_type.removeprefix(ControlToken.CONSTRAIN)
    if rest == content_type:
        yield Text(f" {header_word(content_type)}")
        return
    yield Text(" ")
    yield Control(ControlToken.CONSTRAIN)
    # The library's own example writes "<|constrain|> json", with a blank, which is kept.
    blank = " " if rest.startswith(" ") else ""
    yield Text(blank + header_word(rest.strip()))


def _system_text(system: SystemPrompt, has_functions: bool) -> str:
    top = [system.identity]
    if system.knowledge_cutoff is not None:
        top.append(f"Knowledge cutoff: {system.knowledge_cutoff}")
    if system.date is not None:
        top.append(f"Current date: {system.date}")
    sections = ["\n".join(top), f"Reasoning: {system.effort.value}"]
    if system.builtin_tools:
        sections.append("# Tools")
        sections += [BUILTIN_NAMESPACES[tool] for tool in sorted(set(system.builtin_tools))]
    channels = ", ".join(channel.value for channel in Channel)
    rule = f"# Valid channels: {channels}. Channel must be included for every message."
    if has_functions:
        rule += f"\nCalls to these tools must go to the commentary channel: '{FUNCTIONS}'."
    sections.append(rule)
    return "\n\n".join(sections)


def _developer_text(developer: DeveloperPrompt) -> str:
    sections = []
    if developer.instructions:
        sections += ["# Instructions", developer.instructions]
    if developer.functions:
        tools = [(header_word(f.name), f.description, f.parameters) for f in developer.functions]
        sections += ["# Tools", tool_namespace(FUNCTIONS, "", tools)]
    if developer.response_formats:
        sections.append("# Response Formats")
        sections += [_response_format(f) for f in developer.response_formats]
    return "\n\n".join(sections)


def _response_format(response_format: ResponseFormat) -> str:
    """Return a format's section (docs/format.md, "Structured output"; unknown to the library)."""
    name = " ".join(response_format.name.split())
    comments = [f"// {line}" for line in lines_of(response_format.description)]
    return "\n".join([f"## {name}\n", *comments, json_text(response_format.schema)])
