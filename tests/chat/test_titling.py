"""Titles from the model: one line, nothing that was not said, nothing when it is stopped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.titling import suggest_title
from gptoss_cli.chat.turn import Chat
from gptoss_cli.engine.base import Cancel
from gptoss_cli.events import Event, Finished, FinishReason, MessageCompleted
from gptoss_cli.messages import Conversation, final, user


class Engine:
    """Answers with one text; notes what it was asked."""

    def __init__(self, text: str, reason=FinishReason.STOP, window: int = 1000) -> None:
        self._text, self._reason, self._window = text, reason, window
        self.asked: list[Conversation] = []
        self.options: dict[str, object] = {}

    def prompt_tokens(self, conversation: Conversation) -> int:
        return sum(len(message.content) for message in conversation.messages)

    def window_for(self, _prompt_tokens: int) -> int:
        return self._window

    def answer(self, conversation: Conversation, **options: object) -> Iterator[Event]:
        self.asked.append(conversation)
        self.options = options
        yield MessageCompleted(final(self._text), self._reason is FinishReason.STOP)
        yield Finished(self._reason)


def chat_with(engine: Engine) -> Chat:
    chat = Chat(engine, ChatSettings())
    chat.tree.add(user("q"))
    chat.tree.add(final("a"))
    return chat


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ('"메모리 누수 찾기"', "메모리 누수 찾기"),
        ("\n**Finding the Leak**\nbecause…", "Finding the Leak"),
        ("", ""),
        ("x" * 200, "x" * 79 + "…"),
    ],
)
def test_a_title_is_one_bare_line(text, title):
    engine = Engine(text)
    assert suggest_title(chat_with(engine), Cancel()) == title
    assert engine.options["thinking"] is False


def test_the_request_stands_behind_the_conversation_and_is_not_remembered():
    engine = Engine("t")
    chat = chat_with(engine)
    suggest_title(chat, Cancel())
    assert engine.asked[0].messages[:2] == (user("q"), final("a"))
    assert len(chat.tree) == 2


def test_a_title_that_was_stopped_is_none():
    assert suggest_title(chat_with(Engine("half", FinishReason.CANCELLED)), Cancel()) == ""


def test_where_there_is_no_room_nobody_is_asked():
    engine = Engine("t", window=200)
    assert suggest_title(chat_with(engine), Cancel()) == ""
    assert not engine.asked
