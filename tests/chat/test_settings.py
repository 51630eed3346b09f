"""What a conversation is held with: numbers that are set, settings a session is stored with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptoss_cli.chat.numbers import NUMBERS
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.engine.base import Sampling
from gptoss_cli.errors import UsageError
from gptoss_cli.messages import ReasoningEffort
from gptoss_cli.sessions.records import SessionSettings


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0.7", 0.7),
        ("top_k", "40", 40),
        ("seed", "none", None),
        ("max_tokens", "100", 100),
    ],
)
def test_numbers_are_read(name, text, value):
    assert ChatSettings().with_number(name, text).number(name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("temperature", "11"),
        ("temperature", "nan"),
        ("temperature", "none"),
        ("top_k", "1.5"),
        ("top_p", "-0.1"),
        ("max_tokens", "0"),
        ("seed", "one"),
        ("heat", "1"),
    ],
)
def test_what_a_number_does_not_take_is_refused(name, text):
    with pytest.raises(UsageError):
        ChatSettings().with_number(name, text)


@given(name=st.sampled_from(sorted(NUMBERS)), text=st.text(max_size=8))
def test_no_text_is_too_odd_to_be_refused(name, text):
    try:
        value = ChatSettings().with_number(name, text).number(name)
    except UsageError:
        return
    assert NUMBERS[name].takes(value)


def test_a_session_is_gone_on_with_as_it_was():
    settings = ChatSettings(
        model="20b",
        effort=ReasoningEffort.HIGH,
        thinking=False,
        instructions="짧게",
        date="2026-11-22",
        sampling=Sampling(temperature=0.5, top_k=7, seed=3),
        max_tokens=9,
    )
    assert ChatSettings(model="20b").resumed(settings.record()) == settings


def test_what_was_named_on_the_command_line_wins():
    record = ChatSettings(effort=ReasoningEffort.HIGH, instructions="a", date="2026-01-01").record()
    given_now = ChatSettings(effort=ReasoningEffort.LOW, sampling=Sampling(temperature=0.1))
    resumed = given_now.resumed(record, frozenset({"effort", "temperature"}))
    assert (resumed.effort, resumed.sampling.temperature) == (ReasoningEffort.LOW, 0.1)
    assert (resumed.instructions, resumed.date) == ("a", "2026-01-01")


def test_numbers_in_a_store_that_cannot_be_are_left_out():
    record = SessionSettings(sampling={"temperature": 99.0, "top_k": 1.5, "unknown": 1, "seed": 4})
    assert ChatSettings().resumed(record).sampling == Sampling(seed=4)


def test_effort_none_leaves_the_prompt_as_it_is():
    settings = ChatSettings(effort=ReasoningEffort.HIGH)
    assert settings.with_effort("none").conversation() == settings.conversation()
    assert settings.with_effort("none").effort_name == "none"
    assert settings.with_effort("none").with_effort("low").thinking
