"""The shapes of an answer: for people, for programs, in a file."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.support.program import COMMAND, ROOT, gptoss
from tests.support.random_model import write_random_model

GREEDY = ("run", "-m", "demo", "--temperature", "0")
SUM = "What is 47 + 85?"
ANSWER = "47 + 85 = 132"
SCHEMA = json.loads((ROOT / "docs" / "run-output.schema.json").read_text(encoding="utf-8"))
# The time is over as soon as it is counted, which on a busy machine may happen.
AT_ONCE = """
import signal, sys
from gptoss_cli.__main__ import main
signal.setitimer = lambda _, seconds, *__: seconds and signal.raise_signal(signal.SIGALRM)
sys.exit(main())
"""


@pytest.fixture(scope="module")
def tireless(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """What lets a model write for minutes: its window is not full before a test's time is over."""
    path = tmp_path_factory.mktemp("models") / "tireless.gguf"
    write_random_model(path, changes={"gpt-oss.context_length": 131_072})
    return ("run", "-m", str(path), "--context", "131072", "--temperature", "0")


def checked(text: str) -> dict:
    value = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    return value


def test_json_is_one_object_with_all_of_the_answer():
    done = gptoss(*GREEDY, "--json", SUM)
    answer = checked(done.stdout)
    assert answer["final"] == ANSWER
    assert "carry" in answer["thinking"]
    assert answer["finish_reason"] == "stop"
    assert answer["usage"]["prompt_tokens"] > 50
    assert answer["usage"]["completion_tokens"] > answer["usage"]["reasoning_tokens"] > 10
    assert answer["timings"]["ttft_s"] > 0
    assert (answer["exit_code"], answer["error"]) == (0, None)


def test_the_seed_that_is_told_gives_the_same_answer_again():
    first = json.loads(gptoss("run", "-m", "demo", "--json", "hello").stdout)
    again = gptoss("run", "-m", "demo", "--json", "--seed", str(first["seed"]), "hello")
    assert json.loads(again.stdout)["final"] == first["final"]
    other = json.loads(gptoss("run", "-m", "demo", "--json", "hello").stdout)
    assert other["seed"] != first["seed"]


def test_jsonl_has_the_events_in_order_and_ends_with_end():
    events = [checked(line) for line in gptoss(*GREEDY, "--jsonl", SUM).stdout.splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds[0] == "start"
    assert kinds[-2:] == ["usage", "end"]
    assert "".join(e["text"] for e in events if e["type"] == "final") == ANSWER
    assert "carry" in "".join(e["text"] for e in events if e["type"] == "thinking")
    assert kinds.index("final") > max(i for i, kind in enumerate(kinds) if kind == "thinking")


@pytest.mark.parametrize("shape", ["--json", "--jsonl"])
def test_programs_are_told_of_errors_too(shape):
    done = gptoss("run", "-m", "nowhere.gguf", shape, "hi")
    *_, last = [checked(line) for line in done.stdout.splitlines()]
    assert last["exit_code"] == done.exit_code == 3
    assert "error: " in done.stderr
    if shape == "--json":
        assert last["error"]["exit_code"] == 3


def test_each_token_is_one_write_and_nothing_else_is_written():
    """A socket of packets keeps the writes apart."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [*COMMAND, *GREEDY, "hello"],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    writer.close()
    packets = []
    while packet := reader.recv(65_536):
        packets.append(packet.decode())
    reader.close()
    assert process.communicate(timeout=60)[1] == b""
    events = map(json.loads, gptoss(*GREEDY, "--jsonl", "hello").stdout.splitlines())
    tokens = [event["text"] for event in events if event["type"] == "final"]
    assert packets == [*tokens, "\n"]
    assert len(tokens) > 5


def test_plain_and_markdown_are_as_asked_for():
    assert gptoss(*GREEDY, "--plain", SUM).stdout == f"{ANSWER}\n"
    assert gptoss(*GREEDY, "--markdown", SUM).stdout == f"{ANSWER}\n"


def test_no_newline():
    assert gptoss(*GREEDY, "--no-newline", SUM).stdout == ANSWER


def test_a_file_gets_the_answer_and_standard_output_nothing(tmp_path):
    path = tmp_path / "answer 한글.txt"
    path.write_text("before")
    path.chmod(0o640)
    done = gptoss(*GREEDY, "-o", path, SUM)
    assert (done.stdout, done.stderr, done.exit_code) == ("", "", 0)
    assert path.read_text() == f"{ANSWER}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_leads_to_the_file(tmp_path):
    path, link = tmp_path / "answer", tmp_path / "link"
    link.symlink_to(path)
    gptoss(*GREEDY, "-o", link, SUM)
    assert link.is_symlink()
    assert path.read_text() == f"{ANSWER}\n"


@pytest.mark.parametrize(
    ("options", "exit_code"),
    [(("--timeout", "0.001"), 124), (("--extract", "json"), 5), (("-m", "nowhere.gguf"), 3)],
)
def test_without_a_good_answer_the_file_stays_as_it_was(tmp_path, options, exit_code):
    path = tmp_path / "answer"
    path.write_text("before")
    done = gptoss(*GREEDY, *options, "-o", path, SUM)
    assert done.exit_code == exit_code
    assert done.stderr
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_stays_a_device(tmp_path):
    assert gptoss(*GREEDY, "-o", "/dev/null", SUM).exit_code == 0
    assert Path("/dev/null").is_char_device()
    full = gptoss(*GREEDY, "-o", "/dev/full", SUM)
    assert full.exit_code == 1
    assert "No space left" in full.stderr


@pytest.mark.parametrize("path", ["/dev", "/nowhere/answer", "/proc/answer"])
def test_what_cannot_be_written_is_told_before_anything_is_loaded(path):
    done = gptoss("run", "-m", "nowhere.gguf", "-o", path, SUM)
    assert done.exit_code in (1, 2)
    assert path in done.stderr


def test_cut_off_is_6_and_may_be_a_success():
    cut = (*GREEDY, "--max-tokens", "30", "--json", SUM)
    done = gptoss(*cut)
    assert (done.exit_code, checked(done.stdout)["finish_reason"]) == (6, "length")
    assert gptoss(*cut, "--allow-truncated").exit_code == 0


def test_a_time_limit_stops_the_answer_and_keeps_what_was_said(tireless):
    done = gptoss(*tireless, "--timeout", "4", "--json", "go on")
    answer = checked(done.stdout)
    assert done.exit_code == answer["exit_code"] == 124
    assert answer["finish_reason"] == "cancelled"
    assert answer["final"]
    assert "time limit of 4 s" in done.stderr


@pytest.mark.parametrize("shape", ["--json", "--jsonl", "--plain"])
def test_what_was_said_is_printed_where_the_file_does_not_get_it(tireless, tmp_path, shape):
    path = tmp_path / "answer"
    path.write_text("before")
    done = gptoss(*tireless, "--timeout", "3", shape, "-o", path, "go on")
    assert done.exit_code == 124
    assert path.read_text() == "before"
    if shape == "--plain":
        assert len(done.stdout) > 100
        return
    *_, last = done.stdout.splitlines()
    assert checked(last)["exit_code"] == 124


@pytest.mark.parametrize(
    "options",
    [("--json", "--jsonl"), ("--all",), ("--timeout", "0"), ("--continue", "--session", "x")],
)
def test_what_contradicts_itself_is_refused(options):
    assert gptoss(*GREEDY, *options, SUM).exit_code == 2


@pytest.mark.parametrize("command", [COMMAND, (sys.executable, "-c", AT_ONCE)])
def test_programs_are_told_when_there_was_no_time_for_an_answer(command):
    done = gptoss(*GREEDY, "--timeout", "0.001", "--json", SUM, command=command)
    answer = checked(done.stdout)
    assert (done.exit_code, answer["exit_code"], answer["final"]) == (124, 124, "")


@pytest.mark.parametrize(
    "options",
    [
        ("--template", "nothere"),
        ("--schema", '{"not": {}}'),
        ("-o", "/nowhere/answer"),
        ("-o", "answer", "--extract", "json"),
    ],
)
def test_every_error_behind_the_options_is_told_to_programs(tmp_path, options):
    answer = tmp_path / "answer"
    options = [str(answer) if option == "answer" else option for option in options]
    done = gptoss(*GREEDY, "--json", *options, SUM)
    told = checked(done.stdout)
    assert told["exit_code"] == told["error"]["exit_code"] == done.exit_code > 0
    assert not answer.exists()


@pytest.mark.parametrize("shape", ["--json", "--jsonl"])
def test_the_prompt_for_programs_has_its_shape(shape):
    assert checked(gptoss(*GREEDY, "--dry-run", shape, SUM).stdout)["prompt_tokens"] > 50


def test_a_signal_is_told_as_a_shell_tells_it(tireless):
    process = subprocess.Popen(
        [*COMMAND, *tireless, "--jsonl", "go on"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    process.stdout.readline()
    process.terminate()
    *_, last = process.communicate(timeout=60)[0].decode().splitlines()
    assert checked(last)["exit_code"] == 128 + signal.SIGTERM
    assert process.returncode == -signal.SIGTERM


def test_a_file_may_be_a_pipe():
    done = subprocess.run(
        ["bash", "-c", f"{shlex.join([*COMMAND, *GREEDY])} -o >(cat >&2) '1 + 2'; sleep 0.2"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"1 + 2 = 3\n")
