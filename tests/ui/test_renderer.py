"""Which words go to which stream: stdout carries the answer and nothing else."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from gptoss_cli.events import (
    AnalysisDelta,
    FinalDelta,
    Finished,
    FinishReason,
    LoadProgress,
    MessageCompleted,
    PreambleDelta,
    PromptProgress,
    ToolCallDelta,
    TurnsDropped,
)
from gptoss_cli.messages import final
from gptoss_cli.ui.renderer import make_renderer
from gptoss_cli.ui.terminal import Environment
from tests.ui.screen import Session, Stream
from tests.ui.streams import ENGLISH, FIGURES, KOREAN, answer, whole_turn

CANCELLED = Finished(FinishReason.CANCELLED)
CUT_OFF = Finished(FinishReason.LENGTH)
STATISTICS = (
    "148 tokens · 10.3 tok/s · first word 0.9 s · prompt 98 tokens (60 cached, 38 read) · "
    "context 246/8,192"
)


def piped(**options: object) -> Session:
    return Session(stdout_tty=False, stderr_tty=False, **options)  # type: ignore[arg-type]


# --- pipes


@pytest.mark.parametrize("text", [ENGLISH, KOREAN, "a\x1b[31m\r\n\u202eb", "no newline", "x\n\n"])
def test_a_pipe_gets_the_answer_as_it_is_written(text: str) -> None:
    session = piped()
    session.run(whole_turn(text))
    assert session.stdout.getvalue() == (text if text.endswith("\n") else text + "\n")


def test_a_pipe_gets_each_delta_at_once() -> None:
    session = piped(step_s=0.0)
    session.feed(FinalDelta("one "), FinalDelta("two"))
    assert session.stdout.writes == ["one ", "two"]


def test_an_empty_answer_is_empty() -> None:
    session = piped()
    session.run([FIGURES])
    assert session.stdout.getvalue() == ""
    assert session.stderr.getvalue() == ""


def test_stderr_in_a_file_holds_what_people_need_and_no_escape() -> None:
    session = piped()
    session.run(whole_turn(ENGLISH))
    assert session.stderr.getvalue().splitlines() == [
        "I look up the **weather**.",
        'calls functions.get_weather {"city": "Seoul", "unit": "C"}',
        "the context window is full: the 2 oldest turns leave the prompt",
    ]


def test_thinking_goes_to_stderr_when_asked_for() -> None:
    session = piped(show_thinking=True)
    session.run([AnalysisDelta("so \x1b["), AnalysisDelta("2J"), *answer("42")])
    assert session.stderr.getvalue() == "so ␛[2J\n"
    assert session.stdout.getvalue() == "42\n"


def test_figures_and_the_token_limit_are_lines_on_stderr() -> None:
    session = piped(stats=True)
    session.run([FinalDelta("a"), FIGURES])
    assert session.stderr.getvalue() == STATISTICS + "\n"
    session = piped()
    session.run([FinalDelta("a"), CUT_OFF])
    assert session.stderr.getvalue() == "cut off by the token limit\n"
    assert session.stdout.getvalue() == "a\n"


def test_a_tool_step_has_no_figures_of_its_own() -> None:
    session = piped(stats=True)
    session.run([Finished(FinishReason.TOOL_CALLS)])
    assert session.stderr.getvalue() == ""


def test_markdown_can_be_had_in_a_pipe_without_and_with_colour() -> None:
    session = piped(markdown=True)
    session.run(answer("**b**\n\n- x\n"))
    assert session.stdout.getvalue() == "b\n\n• x\n"
    session = piped(markdown=True, variables={"FORCE_COLOR": "1"})
    session.run(answer("**b**"))
    assert session.stdout.getvalue() == "\x1b[1mb\x1b[0m\n"


def test_forced_colour_alone_leaves_the_answer_as_written() -> None:
    session = piped(variables={"FORCE_COLOR": "1"})
    session.run(answer("**b**"))
    assert session.stdout.getvalue() == "**b**\n"


# --- terminals


def test_a_turn_at_a_terminal() -> None:
    session = Session(stats=True, step_s=0.01)
    assert session.run(whole_turn("It is **cold**.")).split("\n") == [
        "thought for 1.9 s · 192 tokens",
        "I look up the weather.",
        'calls functions.get_weather {"city": "Seoul", "unit": "C"}',
        "the context window is full: the 2 oldest turns leave the prompt",
        "thought for 0.0 s · 4 tokens",
        "It is cold.",
        "148 tokens · 10.3 tok/s · first word 0.9 s · prompt 98 tokens (60 cached, 38",
        "read) · context 246/8,192",
    ]
    assert session.stdout.getvalue().count("cold") >= 1
    for word in ("thought", "weather", "calls", "tokens"):
        assert word not in session.stdout.getvalue()


@pytest.mark.parametrize("stderr_tty", [True, False])
@pytest.mark.parametrize("stdout_tty", [True, False])
@pytest.mark.parametrize("show_thinking", [None, True, False])
def test_the_answer_is_on_stdout_and_nothing_else(
    stdout_tty: bool, stderr_tty: bool, show_thinking: bool | None
) -> None:
    session = Session(stdout_tty=stdout_tty, stderr_tty=stderr_tty, show_thinking=show_thinking)
    session.run(whole_turn("Kalt."))
    stdout, stderr = session.stdout.getvalue(), session.stderr.getvalue()
    assert "Kalt." in stdout
    assert "Kalt." not in stderr
    for aside in ("heap", "thought", "weather", "loading", "reading", "context"):
        assert aside not in stdout
    if not stderr_tty:
        assert "\x1b" not in stderr
        assert "loading" not in stderr
    assert ("heap sizes" in stderr) is (
        show_thinking is True or (stdout_tty and stderr_tty)
        if show_thinking is not False
        else False
    )


def test_thinking_moves_in_a_few_rows_and_leaves_one() -> None:
    session = Session(columns=40)
    session.feed(AnalysisDelta("one two "))
    assert session.terminal.text == "thinking\n  one two"
    for number in range(60):
        session.feed(AnalysisDelta(f"word{number} "))
    rows = session.terminal.rows()
    assert rows[0] == "thinking  … earlier thinking omitted"
    assert len(rows) == 5
    assert rows[-1].endswith("word59")
    assert "\x1b[2m" in session.stderr.getvalue()
    session.feed(FinalDelta("Hi"))
    assert session.terminal.text == "thought for 61 s · 61 tokens\nHi".replace("61 s", "1 min 1 s")


def test_all_thinking_stays_when_asked_for() -> None:
    session = Session(columns=40, show_thinking=True)
    text = session.run([*(AnalysisDelta(f"word{n} ") for n in range(30)), *answer("Hi")])
    assert " ".join(text.split()).startswith("word0 word1 word2")
    assert text.endswith("word29\nthought for 30 s · 30 tokens\nHi")


def test_hidden_thinking_is_a_sign_of_life_only() -> None:
    session = Session(show_thinking=False)
    session.feed(AnalysisDelta("secret "), AnalysisDelta("plan"))
    assert session.terminal.text == "thinking… 1.0 s"
    session.feed(FinalDelta("Hi"))
    assert session.terminal.text == "Hi"


def test_a_pipe_beside_a_terminal_has_only_a_sign_of_life() -> None:
    session = Session(stdout_tty=False)
    session.feed(AnalysisDelta("secret"))
    assert session.terminal.text == "thinking… 0.0 s"
    session.feed(FinalDelta("Hi"))
    assert session.terminal.text == ""


def test_progress_shows_after_a_second_and_goes() -> None:
    session = Session(step_s=0.6)
    session.feed(LoadProgress(0.0), LoadProgress(0.2))
    assert session.terminal.text == ""
    session.feed(LoadProgress(0.43))
    assert session.terminal.text == "loading 43 %"
    session.feed(PromptProgress(120, 8004, 0.0), PromptProgress(900, 8004, 0.9))
    assert session.terminal.text == ""
    session.feed(PromptProgress(3120, 8004, 187.5))
    assert session.terminal.text == "reading 3,120 of 8,004 tokens, 16/s"
    session.feed(FinalDelta("Hi"))
    assert session.terminal.text == "Hi"


def test_a_long_call_is_one_row() -> None:
    session = Session(columns=40)
    text = session.run([ToolCallDelta("python", "print(1)\n" * 90), FIGURES])
    assert text == "calls python print(1) print(1) print(1…"[:38] + "…"


def test_a_stopped_answer_says_so_behind_its_last_word() -> None:
    partial = MessageCompleted(final("One, tw"), complete=False)
    for options in ({}, {"markdown": False}, {"variables": {"TERM": "dumb"}}):
        session = Session(**options)  # type: ignore[arg-type]
        text = session.run([FinalDelta("One, "), FinalDelta("tw"), partial, CANCELLED])
        assert text == "One, tw [stopped]", options
        assert "stopped" not in session.stdout.getvalue()


def test_a_stop_has_its_own_line_where_it_does_not_fit_behind() -> None:
    session = Session(columns=20)
    assert session.run([FinalDelta("word word word"), CANCELLED]) == "word word word\n[stopped]"
    session = Session()
    assert session.run([AnalysisDelta("hm"), CANCELLED]).endswith("1 token\n[stopped]")
    session = Session(stdout_tty=False)
    session.run([FinalDelta("One"), CANCELLED])
    assert session.stdout.getvalue() == "One\n"
    assert session.terminal.text == "[stopped]"
    session = Session(stderr_tty=False)
    assert session.run([FinalDelta("One"), CANCELLED]) == "One"
    assert session.stderr.getvalue() == ""


def test_a_line_in_the_middle_of_an_answer_does_not_break_it() -> None:
    session = Session()
    text = session.run([FinalDelta("One **tw"), TurnsDropped(1), FinalDelta("o** three"), FIGURES])
    assert text == ("the context window is full: the oldest turn leaves the prompt\nOne two three")


def test_one_renderer_shows_many_turns() -> None:
    session = Session()
    text = session.run([*answer("One."), *answer("Two.")])
    assert text == "One.\nTwo."
    session = piped()
    session.run([*answer("One."), *answer("Two.")])
    assert session.stdout.getvalue() == "One.\nTwo.\n"


# --- dumb terminals


@pytest.mark.parametrize("options", [{"variables": {"TERM": "dumb"}}, {"live": False}])
def test_nothing_moves_on_a_dumb_terminal(options: dict[str, object]) -> None:
    session = Session(stats=True, **options)  # type: ignore[arg-type]
    session.run(whole_turn("**Cold**.\x1b[2J"))
    shown = "".join(s for s in (session.stderr.getvalue(), session.stdout.getvalue()))
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert session.stdout.getvalue() == "**Cold**.␛[2J\n"
    assert session.stderr.getvalue().startswith("thinking…\nthought for ")


# --- leaving


def test_closing_again_does_nothing() -> None:
    session = Session()
    session.feed(FinalDelta("half a **wor"))
    session.renderer.close()
    before = session.terminal.written
    session.renderer.close()
    assert session.terminal.written == before
    assert session.terminal.text == "half a **wor"


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("event", [AnalysisDelta("x"), FinalDelta("*x"), ToolCallDelta("f", "{")])
def test_an_interrupt_leaves_a_clean_terminal(
    error: type[BaseException], event: AnalysisDelta | FinalDelta | ToolCallDelta
) -> None:
    session = Session()

    def interrupted() -> None:
        with session.renderer:
            session.feed(event)
            raise error

    with pytest.raises(error):
        interrupted()
    screen = session.terminal.screen
    assert screen.cursor.x == 0
    assert not screen.cursor.hidden
    assert not screen.cursor.attrs.bold
    assert session.live_rows() == 0


class Gone(io.StringIO):
    """A pipe whose reader leaves after some writes."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.left = writes

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise BrokenPipeError
        return super().write(text)


@pytest.mark.parametrize("writes", [0, 1])
def test_a_reader_that_left_is_the_callers_to_know(writes: int) -> None:
    stdout = Gone(writes)
    renderer = make_renderer(Environment.detect({}, None, stdout, Stream()))

    def show() -> None:
        with renderer:
            for delta in ("a", "b", "c"):
                renderer.feed(FinalDelta(delta))

    with pytest.raises(BrokenPipeError):
        show()
    assert stdout.left == -1
    renderer.close()


HEAVY = """
import sys
print([name for name in ("rich", "markdown_it", "wcwidth", "pygments") if name in sys.modules])
"""
PIPED = """
import io
from gptoss_cli.events import FinalDelta
from gptoss_cli.ui.terminal import Environment
environment = Environment.detect({}, None, io.StringIO(), io.StringIO())
with gptoss_cli.ui.renderer.make_renderer(environment) as renderer:
    renderer.feed(FinalDelta("**b**"))
"""


@pytest.mark.parametrize("use", ["", PIPED])
def test_importing_the_screen_and_writing_to_a_pipe_is_light(use: str) -> None:
    code = f"import gptoss_cli.ui.renderer\n{use}\n{HEAVY}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_preambles_are_for_people() -> None:
    session = Session()
    session.feed(PreambleDelta("Looking **up**"))
    assert session.terminal.text == "Looking up"
    assert "\x1b[2m" not in session.stderr.getvalue()
