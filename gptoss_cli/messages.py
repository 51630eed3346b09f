"""The conversation as frozen values: what was said, by whom, on which channel.

The words are harmony's (https://github.com/openai/harmony, docs/format.md): five roles, three
channels, recipients and content types. Nothing here knows about tokens or rendering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Channel(StrEnum):
    """Where the assistant speaks: its thinking, its tool calls and preambles, or its answer."""

    ANALYSIS = "analysis"
    COMMENTARY = "commentary"
    FINAL = "final"


class ReasoningEffort(StrEnum):
    """How long the model thinks before it answers."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class BuiltinTool(StrEnum):
    """Tools gpt-oss was trained with; they are described in the system message."""

    BROWSER = "browser"
    PYTHON = "python"


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """A function the model may call; described in the developer message.

    ``parameters`` is a JSON Schema of an object, or None for a function without arguments.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """A JSON Schema the final answer must follow; described in the developer message."""

    name: str
    schema: Mapping[str, Any]
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the conversation after the system and developer messages.

    ``name`` is the author of a tool's message (``functions.get_weather``, ``browser.search``).
    ``recipient`` is whom an assistant's call or a tool's result is addressed to.
    ``content_type`` is the text after the channel in the header (``<|constrain|>json``, ``json``).
    ``tokens`` are the ids the model itself wrote for this message, header included, from after
    ``<|start|>assistant`` to the last token before the end marker; rendering them again unchanged
    keeps the prefix of the KV cache. None when the message was not generated here.
    """

    role: Role
    content: str
    channel: Channel | None = None
    name: str | None = None
    recipient: str | None = None
    content_type: str | None = None
    tokens: tuple[int, ...] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPrompt:
    """The system message: harmony's own, not the user's "system prompt".

    ``date`` is ISO (``2026-11-21``) or None to leave the line out.
    """

    date: str | None = None
    effort: ReasoningEffort = ReasoningEffort.MEDIUM
    identity: str = "You are ChatGPT, a large language model trained by OpenAI."
    knowledge_cutoff: str | None = "2024-06"
    builtin_tools: tuple[BuiltinTool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeveloperPrompt:
    """The developer message: what users call the system prompt, functions, response formats."""

    instructions: str = ""
    functions: tuple[FunctionTool, ...] = ()
    response_formats: tuple[ResponseFormat, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Everything the model is told. ``developer`` is None when there is nothing to say in it."""

    system: SystemPrompt = SystemPrompt()
    developer: DeveloperPrompt | None = None
    messages: tuple[Message, ...] = ()

    def adding(self, *messages: Message) -> Conversation:
        """Return the same conversation with `messages` at its end."""
        return Conversation(
            system=self.system, developer=self.developer, messages=(*self.messages, *messages)
        )


def user(text: str) -> Message:
    """Return a user's message."""
    return Message(role=Role.USER, content=text)


def final(text: str) -> Message:
    """Return an assistant's final answer."""
    return Message(role=Role.ASSISTANT, content=text, channel=Channel.FINAL)


def analysis(text: str) -> Message:
    """Return an assistant's thinking."""
    return Message(role=Role.ASSISTANT, content=text, channel=Channel.ANALYSIS)
