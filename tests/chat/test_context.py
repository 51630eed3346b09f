"""The window fills: whole oldest turns leave, never the instructions, never the question."""

from __future__ import annotations

import pytest

from gptoss_cli.chat.context import ContextFitter, split_turns
from gptoss_cli.errors import DoesNotFitError
from gptoss_cli.messages import (
    Conversation,
    DeveloperPrompt,
    Message,
    analysis,
    final,
    user,
)


class CountingEngine:
    """Counts words as tokens; a context window of its own."""

    def __init__(self, window: int) -> None:
        self._window = window

    def prompt_tokens(self, conversation: Conversation) -> int:
        texts = [m.content for m in conversation.messages]
        texts.append(conversation.developer.instructions if conversation.developer else "")
        return sum(len(text.split()) for text in texts)

    def window_for(self, _prompt_tokens: int) -> int:
        return self._window


def turn(number: int, words: int) -> list[Message]:
    return [
        user(f"q{number} " + "x " * (words // 2)),
        analysis("thought"),
        final("y " * (words // 2)),
    ]


def conversation(turns: int, words: int) -> Conversation:
    messages = [m for number in range(turns) for m in turn(number, words)]
    return Conversation(
        developer=DeveloperPrompt(instructions="be brief"), messages=tuple(messages)
    )


def test_what_fits_is_left_alone():
    whole = conversation(3, 20)
    fitted = ContextFitter(131_072).fit(whole, CountingEngine(1000))
    assert fitted.conversation == whole
    assert fitted.newly_dropped == 0


def test_oldest_turns_leave_whole_and_the_instructions_stay():
    asked = conversation(20, 100).adding(user("and now?"))
    fitted = ContextFitter(131_072).fit(asked, CountingEngine(1000))
    kept = fitted.conversation
    assert kept.developer == asked.developer
    assert kept.messages[-1].content == "and now?"
    assert kept.messages[0].content.startswith(f"q{fitted.newly_dropped} ")
    assert kept.messages == asked.messages[3 * fitted.newly_dropped :]


def test_the_beginning_of_the_prompt_stays_the_same_for_several_turns():
    """Dropping one turn at each question would decode the whole prompt anew each time."""
    fitter, engine = ContextFitter(131_072), CountingEngine(1000)
    so_far = conversation(8, 100)
    beginnings = []
    for number in range(8, 20):
        fitted = fitter.fit(so_far.adding(user("q")), engine)
        beginnings.append(fitted.conversation.messages[0].content[:4])
        so_far = so_far.adding(*turn(number, 100))
    assert len(set(beginnings)) <= 4


def test_a_question_larger_than_the_window_is_refused_with_both_numbers():
    asked = conversation(2, 10).adding(user("word " * 1500))
    with pytest.raises(DoesNotFitError, match=r"1,502 tokens, the context window 1,000") as error:
        ContextFitter(131_072).fit(asked, CountingEngine(1000))
    assert error.value.hint.endswith("--context 1792")


def test_a_question_that_fits_only_alone_stands_alone():
    asked = conversation(5, 100).adding(user("word " * 900))
    fitted = ContextFitter(131_072).fit(asked, CountingEngine(1000))
    assert [m.content[:4] for m in fitted.conversation.messages] == ["word"]
    assert fitted.newly_dropped == 5


def test_turns_begin_with_a_user():
    messages = [user("a"), final("b"), user("c"), user("d"), final("e")]
    assert [len(t) for t in split_turns(messages)] == [2, 1, 2]
