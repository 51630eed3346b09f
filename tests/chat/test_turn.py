"""What a conversation remembers of each way an answer can end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.turn import Chat
from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.errors import DoesNotFitError, EngineError
from gptoss_cli.events import Event, Finished, FinishReason, MessageCompleted, TurnsDropped
from gptoss_cli.messages import Channel, Conversation, Message, Role, analysis, final, user

PREAMBLE = Message(role=Role.ASSISTANT, content="Let me look.", channel=Channel.COMMENTARY)
CALL = Message(
    role=Role.ASSISTANT, content="{}", channel=Channel.COMMENTARY, recipient="functions.f"
)


class Scripted:
    """An engine that answers with the given messages and counts characters as tokens."""

    def __init__(self, *answers: list[Message], window: int = 1000) -> None:
        self._answers = list(answers)
        self._window = window
        self.seen: list[Conversation] = []

    def prompt_tokens(self, conversation: Conversation) -> int:
        return sum(len(message.content) for message in conversation.messages)

    def window_for(self, _prompt_tokens: int) -> int:
        return self._window

    def answer(
        self,
        conversation: Conversation,
        *,
        sampling: Sampling,
        max_tokens: int | None,
        cancel: Cancel,
        thinking: bool = True,
        grammar: object = None,
        opening: str = "",
    ) -> Iterator[Event]:
        self.seen.append(conversation)
        for message in self._answers.pop(0):
            yield MessageCompleted(message)
        yield Finished(FinishReason.STOP)

    def close(self) -> None:
        pass


def chat_with(engine: Scripted) -> Chat:
    return Chat(engine, ChatSettings())


def ask(chat: Chat, text: str) -> list[Event]:
    return list(chat.answer(chat.prepare(text), Cancel()))


def test_question_and_answer_are_what_the_next_prompt_holds():
    engine = Scripted([analysis("hm"), final("one")], [final("two")])
    chat = chat_with(engine)
    ask(chat, "first")
    ask(chat, "second")
    assert engine.seen[1].messages == (
        user("first"),
        analysis("hm"),
        final("one"),
        user("second"),
    )


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ([analysis("only thought")], []),
        ([analysis("thought"), CALL], []),
        ([PREAMBLE, CALL], [PREAMBLE]),
        ([analysis("thought"), final("cut o")], [analysis("thought"), final("cut o")]),
    ],
)
def test_of_an_answer_that_never_came_only_what_was_said_to_the_person_stays(answer, kept):
    chat = chat_with(Scripted(answer))
    ask(chat, "q")
    assert list(chat.conversation.messages) == [user("q"), *kept]


def test_an_answer_that_is_left_in_the_middle_is_kept_so_far():
    chat = chat_with(Scripted([final("one"), final("two")]))
    events = chat.answer(chat.prepare("q"), Cancel())
    next(events)
    events.close()
    assert chat.conversation.messages == (user("q"), final("one"))


def test_turns_that_leave_the_prompt_stay_in_the_conversation():
    engine = Scripted(*([final("a" * 50)] for _ in range(10)), window=400)
    chat = chat_with(engine)
    dropped = 0
    for number in range(10):
        for event in ask(chat, f"{number}" * 50):
            if isinstance(event, TurnsDropped):
                dropped += event.count
    assert dropped > 0
    assert len(chat.conversation.messages) == 20
    assert len(engine.seen[-1].messages) == 19 - 2 * dropped


def test_a_question_that_cannot_fit_leaves_the_conversation_as_it_was():
    chat = chat_with(Scripted([final("x")], window=100))
    ask(chat, "short")
    before = chat.conversation
    with pytest.raises(DoesNotFitError):
        ask(chat, "long" * 100)
    assert chat.conversation == before


class Unreadable(Scripted):
    """An engine that is stopped while it reads the prompt, or fails then."""

    def answer(self, conversation: Conversation, **options: object) -> Iterator[Event]:
        if self._answers:
            yield from super().answer(conversation, **options)
            return
        self.seen.append(conversation)
        if self.fails:
            raise EngineError("it cannot be read.")
        yield Finished(FinishReason.CANCELLED)

    fails = False


@pytest.mark.parametrize("fails", [False, True])
def test_a_question_that_is_left_out_takes_no_older_turn_with_it(fails):
    engine = Unreadable([final("x" * 150)], [final("y" * 150)], [final("z")])
    last = engine._answers.pop()
    chat = chat_with(engine)
    for text in ("a" * 150, "b" * 150):
        ask(chat, text)
    engine.fails = fails
    with contextlib.suppress(EngineError):
        ask(chat, "c" * 400)
    assert len(engine.seen[-1].messages) < 5
    engine._answers.append(last)
    ask(chat, "short")
    assert len(engine.seen[-1].messages) == 5


def test_a_question_that_was_not_read_to_its_end_is_left_out():
    chat = chat_with(Unreadable())
    before = chat.conversation
    prepared = chat.prepare("a whole book")
    list(chat.answer(prepared, Cancel()))
    assert chat.conversation == before
    assert chat.was_left_out(prepared)
    assert [stored.message.content for stored in chat.tree] == ["a whole book"]
