"""What stands between ``<|start|>`` and ``<|message|>``, as models really write it.

A good header is ``assistant<|channel|>commentary to=functions.f <|constrain|>json`` or, with the
recipient in the role section, ``assistant to=functions.f<|channel|>commentary json``
(openai/harmony, docs/format.md, "Receiving tool calls"). Models also repeat the channel, glue it
to what follows, invent channels, leave out ``<|message|>``, or begin to talk with no header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gptoss_cli.harmony.vocabulary import ControlToken
from gptoss_cli.messages import BuiltinTool, Channel, Role

# Addressees that are no tools: such a message is not a call.
_EVERYBODY = frozenset({"all", "assistant", "user"})
_OTHER_AUTHORS = frozenset({*Role, *BuiltinTool}) - {Role.ASSISTANT}
_TOOL_PREFIXES = ("functions.", "browser.")
_RECIPIENT = re.compile(r"(?:^|\s)to\s*=\s*([^\s{}\[\]()<>\"'`,;]+)")
_LEADING_RECIPIENT = re.compile(r"\s*to\s*=\s*([^\s{}\[\]()<>\"'`,;]+)")
_WORD = re.compile(r"\s*([\w/.+-]*)")
_LEADING_TYPE = re.compile(r"\s*(json|code)(?![\w:])")


@dataclass(frozen=True, slots=True)
class Section:
    """Text of a header and the control token before it, None for the role section."""

    marker: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says.

    ``content`` is text that no header has room for, so it belongs to the message's content.
    """

    channel: Channel = Channel.FINAL
    recipient: str | None = None
    content_type: str | None = None
    content: str = ""


def read_header(sections: Sequence[Section], *, has_message: bool) -> Header:
    """Return what `sections` say. Never raises.

    With `has_message` a ``<|message|>`` follows: stray words are noise, unless there are more than
    two of them and the message is no call. Without, there will be none, and what follows the
    header's own words is content. The last channel counts. Without any, a call goes where its kind
    of tool is called, and other text is an answer, since somebody waits for one.
    """
    reading = _Reading(has_message=has_message)
    for section in sections:
        if section.marker is None:
            reading.role(section.text)
        elif section.marker == ControlToken.CHANNEL:
            reading.channel(section.text)
        else:
            reading.constraint(section.text)
    return reading.header()


def written_by_another(role_section: str) -> bool:
    """Whether the text right after ``<|start|>`` names another author than the assistant."""
    words = role_section.split()
    first = words[0] if words else ""
    return (
        first.partition(":")[0] in _OTHER_AUTHORS
        or first.startswith(_TOOL_PREFIXES)
        or (first != Role.ASSISTANT.value and "to=assistant" in words)
    )


class _Reading:
    """A header while its sections are read one after the other."""

    def __init__(self, *, has_message: bool) -> None:
        self._has_message = has_message
        self._channel: Channel | None = None
        self._role_recipient: str | None = None
        self._recipient: str | None = None
        self._earlier_recipient: str | None = None
        self._content_type: str | None = None
        self._content: list[str] = []

    def role(self, text: str) -> None:
        rest = text.lstrip()
        if rest.startswith(Role.ASSISTANT.value):
            rest = rest.removeprefix(Role.ASSISTANT.value)
        elif Role.ASSISTANT.value.startswith(rest.rstrip()):
            rest = ""
        self._role_recipient, rest = self._take_recipient(rest)
        word = rest.strip()
        if word in set(Channel):
            self._channel = Channel(word)
        elif not self._has_message or len(word.split()) > 1:
            self._content.append(rest)

    def channel(self, text: str) -> None:
        self._earlier_recipient = self._recipient or self._earlier_recipient
        self._content_type = None
        stripped = text.lstrip()
        self._channel = next((c for c in Channel if stripped.startswith(c.value)), None)
        name = self._channel.value if self._channel else self._unknown_channel(stripped)
        self._recipient, rest = self._take_recipient(stripped.removeprefix(name))
        self._rest(rest)

    def constraint(self, text: str) -> None:
        word = _WORD.match(text)
        end = word.end() if word else 0
        self._content_type = ControlToken.CONSTRAIN + text[:end].strip()
        recipient, rest = self._take_recipient(text[end:])
        self._recipient = recipient or self._recipient
        if not self._has_message or len(rest.split()) > 2:
            self._content.append(rest)

    def header(self) -> Header:
        recipient = self._recipient or self._role_recipient
        if self._channel is not Channel.FINAL:
            recipient = recipient or self._earlier_recipient
        if recipient in _EVERYBODY:
            recipient = None
        is_good_call = self._has_message and recipient is not None
        header = Header(
            recipient=recipient,
            content_type=self._content_type,
            # In front of a call's arguments, prose would only make them unreadable.
            content="" if is_good_call else "".join(self._content).lstrip(),
        )
        if self._channel is not None:
            return replace(header, channel=self._channel)
        if recipient is None:
            return header
        is_function = recipient.startswith("functions.")
        return replace(header, channel=Channel.COMMENTARY if is_function else Channel.ANALYSIS)

    def _unknown_channel(self, text: str) -> str:
        """Return the name of an unknown channel, empty if the text is no name but content."""
        first, _, rest = text.partition(" ")
        is_recipient = _LEADING_RECIPIENT.match(text) is not None
        is_content = not self._has_message and bool(rest.strip()) and "to=" not in rest
        return "" if is_recipient or is_content else first

    def _take_recipient(self, text: str) -> tuple[str | None, str]:
        """Return the recipient in `text` and the text without it."""
        # Further on, "to=" is a recipient only if the header is known to have ended after it.
        find = _RECIPIENT.search if self._has_message else _LEADING_RECIPIENT.match
        recipient = None
        while match := find(text):
            recipient = match[1]
            text = text[: match.start()] + text[match.end() :]
        return recipient, text

    def _rest(self, text: str) -> None:
        """Take what follows the channel and the recipient: a content type, or content."""
        words = text.split()
        if self._has_message and len(words) <= 2:
            for word in words:
                if word.startswith(_TOOL_PREFIXES) and self._recipient is None:
                    self._recipient = word
                else:
                    self._content_type = word
            return
        if not self._has_message and self._recipient and (kind := _LEADING_TYPE.match(text)):
            self._content_type = kind[1]
            text = text[kind.end() :]
        self._content.append(text)
