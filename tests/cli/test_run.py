"""``gptoss run`` on the embedded model, through real pipes: what goes where, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time

import pytest

from tests.support.program import COMMAND, ROOT, gptoss
from tests.support.screen import Terminal

GREEDY = ("run", "-m", "demo", "--temperature", "0")
SUM = "What is 47 + 85?"


def test_standard_output_carries_the_answer_and_nothing_else():
    done = gptoss(*GREEDY, SUM)
    assert done.stdout == "47 + 85 = 132\n"
    assert done.stderr == ""
    assert done.exit_code == 0


def test_a_prompt_alone_is_enough():
    assert gptoss("-m", "demo", "--temperature", "0", SUM).stdout == "47 + 85 = 132\n"


def test_korean_in_and_out():
    done = gptoss(*GREEDY, "47 더하기 85는?")
    assert "132" in done.stdout
    assert re.search("[가-힣]", done.stdout)


@pytest.mark.parametrize("stdin", ["12 + 30", "12 + 30\n", "\ufeff12 + 30\n"])
def test_the_prompt_from_standard_input(stdin):
    assert "42" in gptoss(*GREEDY, stdin=stdin).stdout


def test_arguments_and_standard_input_together():
    done = gptoss(*GREEDY, "Please add:", stdin="12 + 30\n")
    assert "42" in done.stdout


def test_thinking_goes_to_standard_error_when_asked_for():
    done = gptoss(*GREEDY, "--show-thinking", SUM)
    assert done.stdout == "47 + 85 = 132\n"
    assert "carry" in done.stderr


def test_statistics_go_to_standard_error():
    done = gptoss(*GREEDY, "--stats", SUM)
    assert done.stdout == "47 + 85 = 132\n"
    for figure in ("tok/s", "first word", "prompt", "context", "\nweights mapped, not repacked: "):
        assert figure in done.stderr
    done = gptoss(*GREEDY, "--stats", "--repack", SUM)
    assert "\nweights repacked, as --repack asks: " in done.stderr


def test_effort_decides_how_long_it_thinks():
    lengths = [
        len(gptoss(*GREEDY, "--show-thinking", "-e", effort, SUM).stderr)
        for effort in ("low", "medium", "high")
    ]
    assert lengths[0] < lengths[1] < lengths[2]


def test_a_seed_and_a_date_make_a_run_repeatable():
    arguments = ("run", "-m", "demo", "--seed", "5", "--date", "2026-01-31", "hello")
    assert gptoss(*arguments).stdout == gptoss(*arguments).stdout


def test_cut_off_by_max_tokens_prints_what_there_is():
    done = gptoss(*GREEDY, "--max-tokens", "5", "--show-thinking", SUM)
    assert done.exit_code == 6
    assert "token limit" in done.stderr


def test_a_closed_pipe_is_silent():
    shell = " ".join(COMMAND)
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"{shell} run -m demo hi | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stderr == ""
    assert int(done.stdout) in (0, 141)


def test_a_reader_that_is_gone_before_the_answer_gives_141():
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [*COMMAND, *GREEDY, SUM],
        stdin=subprocess.DEVNULL,
        stdout=write,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    os.close(write)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (141, b"")


def test_ctrl_c_ends_with_130_and_what_was_said(random_model):
    process = subprocess.Popen(
        [
            *COMMAND,
            "run",
            "-m",
            str(random_model),
            "--temperature",
            "0",
            "--context",
            "4096",
            "go on",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    first = os.read(process.stdout.fileno(), 1)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    rest, stderr = process.communicate(timeout=60)
    assert first
    assert (process.returncode, stderr) == (130, b"")
    assert time.monotonic() - started < 5
    assert rest.endswith(b"\n")


@pytest.mark.parametrize("columns", [20, 80])
def test_at_a_terminal_the_answer_is_rendered_and_thinking_collapses(columns):
    with Terminal(*GREEDY, SUM, columns=columns) as terminal:
        assert terminal.wait_for_end() == 0
        assert "thought for" in terminal.text
        assert "132" in terminal.text


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1", "TERM": "dumb"}])
def test_a_dumb_terminal_gets_no_escape_at_all(env):
    with Terminal(*GREEDY, SUM, env=env) as terminal:
        assert terminal.wait_for_end() == 0
        assert b"\x1b" not in terminal.raw
        assert b"132" in terminal.raw


def test_no_color_at_a_terminal_gives_no_colour():
    with Terminal(*GREEDY, SUM, env={"NO_COLOR": "1"}) as terminal:
        assert terminal.wait_for_end() == 0
        assert not re.search(rb"\x1b\[[\d;]*(3\d|4\d|9\d)[\d;]*m", terminal.raw)


def test_standard_output_stays_clean_when_only_it_is_redirected(tmp_path):
    target = tmp_path / "answer.txt"
    command = " ".join([*COMMAND, *GREEDY, f"'{SUM}'"])
    with Terminal() as terminal:
        terminal.send("\x04")
    done = subprocess.run(
        ["script", "-qec", f"{command} > {target}", "/dev/null"],
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0
    assert target.read_text(encoding="utf-8") == "47 + 85 = 132\n"


def test_it_works_in_the_c_locale():
    done = gptoss(*GREEDY, "47 더하기 85는?", env={"LC_ALL": "C", "LANG": "C"})
    assert done.exit_code == 0
    assert "132" in done.stdout


def test_what_the_encoding_of_the_pipe_lacks_is_escaped():
    done = gptoss(*GREEDY, "47 더하기 85는?", env={"PYTHONIOENCODING": "ascii"})
    assert done.exit_code == 0
    assert done.stdout == "47 + 85 = 132\\uc785\\ub2c8\\ub2e4\n"


def test_force_color_colours_the_side_and_never_the_answer():
    done = gptoss(*GREEDY, "--stats", SUM, env={"FORCE_COLOR": "1"})
    assert "\x1b[" in done.stderr
    assert done.stdout == "47 + 85 = 132\n"
