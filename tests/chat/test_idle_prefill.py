"""What a conversation costs when idle time was used, and that it is the same conversation.

``TEST_CONVERSATIONS=100`` holds a hundred random conversations instead of a handful, in minutes.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gptoss_cli.chat.compacting import compact
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.titling import suggest_title
from gptoss_cli.chat.turn import Chat, Prepared
from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.engine.local import LocalEngine
from gptoss_cli.events import AnalysisDelta, Event, Finished, FinishReason, MessageCompleted
from gptoss_cli.messages import Channel, Conversation, Message, Role, final, user
from gptoss_cli.models.registry import DEMO_FILE
from tests.support.engines import engine_on

MANY = int(os.environ.get("TEST_CONVERSATIONS", "3"))
FRAME = 8  # tokens around a new message that may be read with it
SPELLED_FRAME = 11  # where the tokens are bytes: <|end|><|start|>assistant
QUESTIONS = ("What is 47 + 85?", "and minus 12?", "900 - 123", "47 더하기 85는?", "who are you?")
GREEDY = ChatSettings(date="2026-11-22", sampling=Sampling(temperature=0.0), max_tokens=200)


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    engine = engine_on(DEMO_FILE, 2048)
    yield engine
    engine.close()


@pytest.fixture
def chat(engine: LocalEngine) -> Chat:
    return Chat(engine, GREEDY)


def put(chat: Chat, prepared: Prepared) -> list[Event]:
    return list(chat.answer(prepared, Cancel()))


def ask(chat: Chat, text: str) -> int:
    """Put `text` and return how many tokens were read for it beside its own."""
    return read(put(chat, chat.prepare(text))) - chat.engine.text_tokens(text)


def read(events: list[Event]) -> int:
    *_, end = events
    assert isinstance(end, Finished)
    return end.usage.prompt_tokens - end.usage.cached_tokens


def idle(chat: Chat, settings: ChatSettings | None = None) -> None:
    chat.prefill(Cancel(), settings)


def questions(chat: Chat) -> list[int]:
    return [turn.question.id for turn in chat.tree.turns() if turn.question]


def test_a_message_costs_its_own_words_from_the_first_on(chat):
    for text in QUESTIONS * 3:
        idle(chat)
        assert ask(chat, text) <= FRAME


def test_without_idle_time_a_message_costs_the_last_answer_more_and_no_thinking(chat):
    ask(chat, "What is 4736 + 8567?")
    for text in QUESTIONS:
        answer = chat.tree.path()[-1].message
        assert answer.channel is Channel.FINAL
        assert ask(chat, text) <= chat.engine.text_tokens(answer.content) + 2 * FRAME


def test_with_a_seed_nothing_is_read_ahead(chat, engine):
    """Where idle time is stopped would decide how sums are rounded, and a seed promises a text."""
    chat.settings = replace(GREEDY, sampling=Sampling(seed=7))
    idle(chat)
    assert not engine._generator._context.window
    put(chat, chat.prepare(QUESTIONS[0]))
    before = list(engine._generator._context.kv.tokens)
    idle(chat)
    assert engine._generator._context.kv.tokens == before
    idle(chat, GREEDY)
    assert engine._generator._context.kv.tokens != before


def test_what_an_idle_moment_left_undone_is_done_with_the_message(chat, engine):
    ask(chat, QUESTIONS[0])
    stopped = Cancel()
    stopped.set()
    chat.prefill(stopped)
    assert ask(chat, QUESTIONS[1]) > 0
    assert engine._generator._context.kv.tokens


def test_undo_edit_and_regenerate_read_nothing_that_stays(chat):
    for text in QUESTIONS:
        ask(chat, text)
    for number in (3, 1):
        chat.move(chat.tree.turns()[number].messages[0].parent_id)  # /undo, /edit
        assert ask(chat, "5 + 5") <= FRAME
        assert len(chat.tree.turns()) == number + 1
        chat.move(questions(chat)[-1])  # /regen
        assert read(put(chat, chat.prepare_again())) <= 1
    idle(chat)
    chat.move(questions(chat)[-1])
    assert read(put(chat, chat.prepare_again())) <= 1


def test_back_and_forth_without_a_word_costs_nothing(chat, engine):
    for text in QUESTIONS:
        ask(chat, text)
    head = chat.tree.head_id
    idle(chat)
    kept = list(engine._generator._context.kv.tokens)
    chat.move(chat.tree.turns()[2].messages[0].parent_id)  # /undo 3
    idle(chat)
    chat.move(head)  # /redo
    idle(chat)
    assert engine._generator._context.kv.tokens == kept
    assert ask(chat, "5 + 5") <= FRAME


def test_other_instructions_and_efforts_are_read_in_idle_time_too(chat):
    ask(chat, QUESTIONS[0])
    for settings in (
        GREEDY.with_effort("high"),
        replace(GREEDY, instructions="Be brief."),
        GREEDY.with_effort("none"),
        GREEDY,
    ):
        chat.settings = settings
        idle(chat)
        assert ask(chat, "5 + 5") <= FRAME + 3  # without thinking, the answer's header as well


def test_an_effort_for_one_message_is_read_with_it(chat):
    ask(chat, QUESTIONS[0])
    once = GREEDY.with_effort("high")
    idle(chat, once)
    events = put(chat, chat.prepare("5 + 5", once))
    assert read(events) <= chat.engine.text_tokens("5 + 5") + FRAME


def test_a_stopped_answer_is_no_part_of_what_is_read(chat):
    ask(chat, QUESTIONS[0])
    cancel = Cancel()
    for event in chat.answer(chat.prepare("What is 4736 + 8567?"), cancel):
        if isinstance(event, AnalysisDelta):
            cancel.set()
    assert chat.last is not None
    assert chat.last.reason is FinishReason.CANCELLED
    assert ask(chat, "5 + 5") <= FRAME  # also without idle time
    cancel = Cancel()
    for event in chat.answer(chat.prepare("What is 4736 + 8567?"), cancel):
        if isinstance(event, AnalysisDelta):
            cancel.set()
    idle(chat)
    assert ask(chat, "6 + 6") <= FRAME


def test_a_title_asked_in_idle_time_costs_the_next_message_nothing(random_model):
    engine = engine_on(random_model, 2048)
    chat = Chat(engine, replace(GREEDY, max_tokens=30))
    chat.tree.add(user("q" * 90))
    chat.tree.add(final("a" * 90))
    idle(chat)
    suggest_title(chat, Cancel())
    assert ask(chat, "Give me more") <= SPELLED_FRAME  # begins as the request for a title does
    engine.close()


def test_an_unanswered_call_is_no_part_of_what_is_read(chat):
    ask(chat, QUESTIONS[0])
    chat.tree.add(user("look it up"))
    chat.tree.add(
        Message(
            role=Role.ASSISTANT,
            content="{}",
            channel=Channel.COMMENTARY,
            recipient="functions.f",
        )
    )
    idle(chat)
    assert ask(chat, "5 + 5") <= FRAME


def test_a_summary_is_read_in_idle_time(chat, monkeypatch):
    for text in QUESTIONS:
        ask(chat, text)
    monkeypatch.setattr("gptoss_cli.chat.compacting.answer_to", lambda *_, **__: "We did sums.")
    assert compact(chat, Cancel()) == 3
    idle(chat)
    assert ask(chat, "5 + 5") <= FRAME


def test_where_the_oldest_turns_leave_the_answer_is_right(random_model):
    """When turns leave, all is read again; until they do, idle time counts."""
    engine = engine_on(random_model, window=1024)
    chat = Chat(engine, replace(GREEDY, max_tokens=40), most_context=1024)
    costs, left_out = [], []
    for number in range(20):
        idle(chat)
        costs.append(ask(chat, f"{number} " * 30))
        left_out.append(chat.left_out())
    engine.close()
    assert left_out[-1] > 0
    same = [
        cost
        for cost, before, now in zip(costs[1:], left_out, left_out[1:], strict=False)
        if before == now
    ]
    assert len(same) >= 6
    assert max(same) <= SPELLED_FRAME


def test_another_model_reads_all_of_it_in_idle_time(chat):
    for text in QUESTIONS[:2]:
        ask(chat, text)
    chat.change_engine(engine_on(DEMO_FILE, 2048), 2048)
    idle(chat)
    assert ask(chat, "5 + 5") <= FRAME
    chat.engine.close()


def stopped_soon(chat: Chat, after_s: float) -> None:
    """Idle time that ends while the model reads."""
    cancel = Cancel()
    timer = threading.Timer(after_s, cancel.set)
    timer.start()
    chat.prefill(cancel)
    timer.join()


def message_of(events: list[Event]) -> list[str]:
    return [event.message.content for event in events if isinstance(event, MessageCompleted)]


@pytest.mark.parametrize("seed", range(MANY))
def test_a_random_conversation_is_what_it_would_have_been_without_a_cache(seed, engine):
    """The same greedy tokens, up to 200 for each answer, as from an empty cache."""
    chance, chat = random.Random(seed), Chat(engine, GREEDY)
    reference = engine_on(DEMO_FILE, 2048)
    for _ in range(8):
        turns = chat.tree.turns()
        match chance.choice(["ask"] * 3 + ["undo", "regen", "stop", "effort"]):
            case "undo" if turns:
                chat.move(chance.choice(turns).messages[0].parent_id)
                prepared = None
            case "regen" if turns:
                chat.move(questions(chat)[-1])
                prepared = chat.prepare_again()
            case "stop":
                cancel = Cancel()
                stop_at = chance.randrange(12)
                for number, _ in enumerate(chat.answer(chat.prepare(question(chance)), cancel)):
                    if number == stop_at:
                        cancel.set()
                prepared = None
            case "effort":
                chat.settings = GREEDY.with_effort(chance.choice(["low", "medium", "high"]))
                prepared = None
            case _:
                prepared = chat.prepare(question(chance))
        if prepared is not None:
            expected = from_nothing(reference, prepared.fitted.conversation)
            assert message_of(put(chat, prepared)) == expected
        match chance.randrange(3):
            case 0:
                idle(chat)
            case 1:
                stopped_soon(chat, chance.uniform(0.0, 0.03))
    reference.close()


def question(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return chance.choice(QUESTIONS)
    return f"What is {chance.randrange(10_000)} {chance.choice('+-')} {chance.randrange(10_000)}?"


def from_nothing(engine: LocalEngine, conversation: Conversation) -> list[str]:
    context = engine._generator._context
    if context.window:
        context.kv.clear()
    events = engine.answer(
        conversation, sampling=GREEDY.sampling, max_tokens=GREEDY.max_tokens, cancel=Cancel()
    )
    return message_of(list(events))
