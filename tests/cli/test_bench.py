"""``gptoss bench`` on the embedded model, in real processes and at a real terminal."""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

from tests.support.program import COMMAND, ROOT, gptoss
from tests.support.screen import Terminal
from tests.support.waiting import wait_until

SCHEMA = json.loads((ROOT / "docs" / "bench-output.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SMALL = ("bench", "-m", "demo", "-p", "32", "-n", "8", "-r", "2")
ENDLESS = ("bench", "-m", "demo", "-p", "512", "-n", "128", "-r", "100000")


def test_every_row_is_measured_and_follows_the_schema():
    done = gptoss(*SMALL, "-d", "300", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    VALIDATOR.validate(told)
    assert (told["complete"], told["left_out"], told["device"]) == (True, [], "CPU")
    names = [result["name"] for result in told["results"]]
    assert names == ["load", "host cost", "pp32 @ d300", "tg8 @ d300", "next turn", "one-shot"]
    for result in told["results"]:
        assert len(result["samples"]) == (1 if result["name"] == "load" else 2)
        assert result["mean"] == pytest.approx(statistics.fmean(result["samples"]))
        assert min(result["samples"]) > 0


def test_in_a_pipe_rows_are_separated_by_tabs_and_the_machine_is_told_beside_them():
    done = gptoss(*SMALL, "--threads", "2")
    assert done.exit_code == 0
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows][2:] == ["pp32", "tg8", "next turn", "one-shot"]
    assert all(float(row[1]) > 0 and float(row[2]) >= 0 for row in rows)
    assert done.stderr.startswith("demo (1.3 MB); CPU, 2 threads; llama.cpp ")


def test_a_test_of_no_tokens_is_left_out():
    done = gptoss("bench", "-m", "demo", "-p", "0", "-n", "4", "-r", "1", "--json")
    told = json.loads(done.stdout)
    VALIDATOR.validate(told)
    names = [result["name"] for result in told["results"]]
    assert names == ["load", "host cost", "tg4", "next turn", "one-shot"]
    done = gptoss("bench", "-m", "demo", "-p", "8", "-n", "0", "-r", "1", "--json")
    names = [result["name"] for result in json.loads(done.stdout)["results"]]
    assert names == ["load", "pp8", "next turn", "one-shot"]


def test_quick_says_what_it_left_out():
    began_s = time.monotonic()
    done = gptoss("bench", "-m", "demo", "--quick", "--json")
    assert done.exit_code == 0
    assert time.monotonic() - began_s < 15  # five where nothing else runs
    told = json.loads(done.stdout)
    VALIDATOR.validate(told)
    assert told["quick"]
    kinds = {result["name"][:2] for result in told["results"]}
    assert kinds | {name[:2] for name in told["left_out"]} == {"lo", "ho", "pp", "tg", "ne", "on"}


@pytest.mark.parametrize("moment_s", [0.3, 1.5, 4.0])
def test_ctrl_c_leaves_what_is_done(moment_s):
    with subprocess.Popen(
        [*COMMAND, *ENDLESS, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        time.sleep(moment_s)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, b"Traceback" in errors) == (130, False)
    if output:  # else it was not yet begun
        told = json.loads(output)
        VALIDATOR.validate(told)
        assert not told["complete"]
        assert told["left_out"]


def test_ctrl_c_ends_a_one_shot_at_once_and_leaves_no_process_behind():
    with subprocess.Popen(
        [*COMMAND, *ENDLESS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            process.kill()
            pytest.skip("only Linux tells the children of a process")
        found: list[str] = []

        def has_child() -> bool:
            found[:] = children.read_text(encoding="ascii").split()
            return bool(found)

        wait_until(has_child)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == 130
    assert not any(Path(f"/proc/{pid}").exists() for pid in found)


def test_at_a_terminal_it_is_a_table_and_the_moving_row_is_gone():
    with Terminal(*SMALL, columns=100, rows=20) as terminal:
        assert terminal.wait_for_end() == 0
        lines = [line.rstrip() for line in terminal.display() if line.strip()]
    head, *rows = lines[1:]
    assert head.split() == ["test", "mean", "±", "unit"]
    assert [row.split("  ")[0] for row in rows] == [
        *("load", "host cost per token", "pp32", "tg8"),
        *("first token, next turn", "first token, gptoss run"),
    ]
    assert not any("measuring" in line for line in lines)


def test_a_window_that_is_asked_for_must_hold_the_tests():
    done = gptoss("bench", "-m", "demo", "--context", "512", "-p", "600")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "the tests need a context of 601 tokens" in done.stderr


def test_a_model_that_is_missing_is_said_before_anything_is_measured():
    done = gptoss("bench", "-m", "/nowhere/model.gguf")
    assert (done.exit_code, done.stdout) == (3, "")
