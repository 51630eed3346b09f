"""The live area: what is printed is never touched again, whatever happens to the terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path
from unicodedata import normalize

import pexpect
import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptoss_cli.events import FinalDelta, Finished, FinishReason
from tests.ui.screen import Session, pieces
from tests.ui.streams import ENGLISH, KOREAN, answer, whole_turn
from tests.ui.test_markdown import BLOCKS, rendered

ROOT = Path(__file__).resolve().parents[2]
LONG = ENGLISH + KOREAN + BLOCKS[4]


def unwrapped(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}])
@pytest.mark.parametrize("columns", [20, 40, 80, 120])
@pytest.mark.parametrize("text", [ENGLISH, KOREAN])
def test_the_screen_shows_what_markdown_renders(
    text: str, columns: int, variables: dict[str, str]
) -> None:
    session = Session(columns=columns, variables=variables)
    shown = session.run(answer(text))
    assert unwrapped(shown) == unwrapped(rendered(text, columns - 1))
    colours = re.findall(r"\x1b\[[0-9;]*3[0-7]m", session.stdout.getvalue())
    assert bool(colours) is not bool(variables)


@pytest.mark.parametrize(("columns", "lines"), [(20, 24), (40, 3), (80, 24)])
def test_printed_rows_never_change(columns: int, lines: int) -> None:
    session = Session(columns=columns, lines=lines)
    before: list[str] = []
    for number, event in enumerate(whole_turn(LONG, seed=columns)):
        session.feed(event)
        if number % 3:
            continue
        rows = session.terminal.rows()
        rows += [""] * (len(before) - len(rows))
        live = session.live_rows()
        assert live <= min(8, max(lines - 1, 1))
        done = rows[: len(rows) - live] if live else rows
        assert done[: len(before)] == before or before == [*done, ""]
        before = done
    session.renderer.close()
    shown = "\n".join(session.terminal.rows())
    assert unwrapped(shown).endswith(unwrapped(rendered(LONG, columns - 1)))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from(BLOCKS), max_size=3),
    st.sampled_from([20, 40, 80, 120]),
    st.integers(0, 99),
    st.sampled_from([0.001, 0.03, 1.0]),
)
def test_how_deltas_arrive_does_not_matter_in_the_end(
    blocks: list[str], columns: int, seed: int, step_s: float
) -> None:
    text = "".join(blocks)
    one = Session(columns=columns).run([FinalDelta(text)])
    session = Session(columns=columns, step_s=step_s)
    assert session.run(answer(text, seed)) == one


def test_repaints_are_limited_but_the_last_state_is_painted() -> None:
    session = Session(step_s=0.001)
    session.feed(*(FinalDelta("x") for _ in range(100)))
    assert len(session.stdout.writes) <= 4
    session.feed(*answer("y"))
    assert session.terminal.text == "x" * 79 + "\n" + "x" * 21 + "y"


@pytest.mark.parametrize("seed", range(4))
def test_getting_wider_loses_nothing(seed: int) -> None:
    session = Session(columns=40, lines=10)
    words = [f"w{number}" for number in range(400)]
    for number, piece in enumerate(pieces(" ".join(words), seed, 12)):
        session.feed(FinalDelta(piece))
        if number % 40 == 20:
            columns, lines = session.terminal.size()
            session.terminal.resize(columns + 7 + seed, lines + 1)
    session.renderer.close()
    assert session.terminal.text.split() == words


@pytest.mark.parametrize("columns", [30, 50])
def test_getting_narrower_keeps_what_was_printed(columns: int) -> None:
    session = Session(columns=80)
    text = " ".join(f"w{number}" for number in range(400))
    parts = list(pieces(text, 1))
    session.feed(*map(FinalDelta, parts[: len(parts) // 2]))
    before = session.terminal.rows()
    printed = before[: len(before) - session.live_rows()]
    session.terminal.resize(columns, 24)
    session.feed(*map(FinalDelta, parts[len(parts) // 2 :]))
    session.renderer.close()
    rows = session.terminal.rows()
    kept = [row[:columns].rstrip() for row in printed]
    assert [row[:columns].rstrip() for row in rows[: len(kept)]] == kept
    assert rows[-1].endswith("w399")


def test_cursor_moves_stay_inside_the_live_rows() -> None:
    session = Session(columns=40)
    most = 0
    for event in answer(LONG):
        rows = session.live_rows()
        start = len(session.terminal.written)
        session.feed(event)
        ups = re.findall(r"\x1b\[(\d+)A", session.terminal.written[start:])
        first = int(ups[0]) if ups else 0
        assert first < max(rows, 1)
        most = max(most, first)
    assert most > 0
    assert "\x1b[J" not in session.terminal.written
    assert "\x1b[2J" not in session.terminal.written
    assert "\x1b[?1049h" not in session.terminal.written


def test_wide_characters_at_the_margin_do_not_wrap() -> None:
    # The emulator drops what follows a variation selector; test_cells counts those.
    text = "한글👍中あ❤e\u0301" * 40 + " " + "가" * 90
    for columns in (20, 21, 40, 41):
        session = Session(columns=columns)
        for piece in pieces(text, 2):
            session.feed(FinalDelta(piece))
            rows = session.terminal.rows()
            assert len(rows) >= session.live_rows()
        session.renderer.close()
        assert unwrapped(session.terminal.text) == unwrapped(normalize("NFC", text))


SCRIPT = """
import os, sys, time
from gptoss_cli.ui.renderer import make_renderer
from gptoss_cli.ui.terminal import Environment
from tests.ui.streams import ENGLISH, whole_turn
environment = Environment.detect(os.environ, sys.stdin, sys.stdout, sys.stderr)
with make_renderer(environment, stats=True) as renderer:
    for number, event in enumerate(whole_turn(ENGLISH)):
        renderer.feed(event)
        if number % 10 == 0:
            time.sleep(0.001)
        if number == 230 and sys.argv[1:] == ["interrupt"]:
            os.kill(os.getpid(), 2)
"""


def in_terminal(*arguments: str, columns: int = 60) -> tuple[pyte.Screen, bytes, int]:
    """Run the script in a pseudo-terminal; return screen, bytes written and exit code."""
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (60, columns))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdin=child,
        stdout=child,
        stderr=child,
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm-256color"},
    )
    os.close(child)
    written = b""
    while True:
        try:
            data = os.read(parent, 65536)
        except OSError:
            break
        if not data:
            break
        written += data
    os.close(parent)
    screen = pyte.Screen(columns, 60)
    pyte.ByteStream(screen).feed(written)
    return screen, written, process.wait()


def test_a_real_terminal() -> None:
    screen, _, code = in_terminal()
    text = "\n".join(row.rstrip() for row in screen.display).rstrip()
    assert code == 0
    assert text.startswith("thought for ")
    assert rendered(ENGLISH, 59) in text
    assert text.endswith("context 246/8,192")
    assert not screen.cursor.hidden


def test_ctrl_c_in_a_real_terminal() -> None:
    screen, written, code = in_terminal("interrupt")
    assert code != 0
    assert not screen.cursor.hidden
    assert written.rfind(b"\x1b[?25h") > written.rfind(b"\x1b[?25l")
    text = "\n".join(screen.display)
    assert text.index("thought for") < text.index("Traceback")


@pytest.mark.parametrize("encoding", ["euc-kr", "latin-1", "ascii"])
def test_what_an_encoding_lacks_takes_the_room_it_takes(encoding: str) -> None:
    text = "잘했어요 👍👍👍 정말 — good 👍. " * 6
    session = Session(columns=60, encoding=encoding)
    shown = session.run(answer(text))
    expected = text.encode(encoding, "backslashreplace").decode(encoding)
    assert unwrapped(shown) == unwrapped(expected)


def test_after_a_stop_nothing_that_the_shell_wrote_is_erased() -> None:
    session = Session(columns=60)
    deltas = [event for event in answer(ENGLISH) if isinstance(event, FinalDelta)]
    session.feed(*deltas[: len(deltas) // 2])
    session.terminal.write("\r\n[1]+  Stopped\r\n$ cat notes\r\nIMPORTANT\r\n$ fg\r\ngptoss\r\n")
    session.renderer._around.resumes += 1  # type: ignore[attr-defined]
    session.feed(*deltas[len(deltas) // 2 :])
    session.renderer.close()
    rows = session.terminal.rows()
    assert [row for row in rows if row in {"[1]+  Stopped", "IMPORTANT", "$ fg", "gptoss"}] == [
        "[1]+  Stopped",
        "IMPORTANT",
        "$ fg",
        "gptoss",
    ]


KEYBOARD = """
import os, signal, sys, termios
from gptoss_cli.ui.foreground import Foreground
def echo():
    return bool(termios.tcgetattr(1)[3] & termios.ECHO)
around = Foreground(sys.stdout)
print("before", echo())
with around:
    print("inside", echo())
    os.kill(os.getpid(), signal.SIGCONT)
    print("resumes", around.resumes, echo(), flush=True)
    if "wait" in sys.argv:
        signal.pause()
print("after", echo())
"""


def test_keys_are_not_echoed_into_an_answer() -> None:
    child = pexpect.spawn(sys.executable, ["-c", KEYBOARD], cwd=str(ROOT), timeout=20)
    said = child.read().decode().split()
    expected = "before True inside False resumes 1 False after True"
    assert said == expected.split()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_program_gives_the_echo_back(number: int) -> None:
    child = pexpect.spawn(sys.executable, ["-c", KEYBOARD, "wait"], cwd=str(ROOT), timeout=20)
    child.expect("resumes 1 False")
    assert not termios.tcgetattr(child.child_fd)[3] & termios.ECHO
    child.kill(number)
    child.wait()
    assert child.signalstatus == number
    assert termios.tcgetattr(child.child_fd)[3] & termios.ECHO


@pytest.mark.parametrize("variables", [{}, {"TERM": "dumb"}])
def test_a_stop_with_stderr_in_a_file_ends_the_line(variables: dict[str, str]) -> None:
    session = Session(stderr_tty=False, variables=variables)
    stopped = Finished(FinishReason.CANCELLED)
    with session.renderer:
        session.feed(FinalDelta("half an answer"), stopped)
    assert session.stdout.getvalue().endswith("\n") or session.terminal.screen.cursor.x == 0
