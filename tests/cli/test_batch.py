"""``gptoss batch`` on the embedded model, through real pipes and files."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.support.program import COMMAND, ROOT, Done, gptoss
from tests.support.screen import Terminal

GREEDY = ("-m", "demo", "--temperature", "0")
BATCH = ("batch", *GREEDY)
SHORT = ("batch", "-m", "demo", "--max-tokens", "8", "--allow-truncated")
KEYS = [
    *("version", "index", "line", "input_sha256", "id", "final", "finish_reason"),
    *("usage", "timings", "seed", "error"),
]


SCHEMA = json.loads((ROOT / "docs" / "batch-output.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def records(done: Done | str) -> list[dict[str, Any]]:
    """The records, each as the documented schema has it."""
    text = done if isinstance(done, str) else done.stdout
    found = [json.loads(line) for line in text.splitlines()]
    for record in found:
        VALIDATOR.validate(record)
    return found


def test_records_share_what_they_have_in_common_with_those_of_run():
    of_run = json.loads((ROOT / "docs" / "run-output.schema.json").read_text(encoding="utf-8"))
    for name, definition in SCHEMA["$defs"].items():
        assert definition == of_run["$defs"][name]


def finals(done: Done | str) -> list[str | None]:
    return [record["final"] for record in records(done)]


def sums(count: int) -> str:
    return "".join(f"{i} + {3 * i}\n" for i in range(count))


def test_every_line_is_answered_in_its_place():
    done = gptoss(*BATCH, stdin="1000 + 234\n\n47 더하기 85는?\r\n9 + 9")
    assert (done.exit_code, done.stderr) == (0, "")
    first, second, third = records(done)
    assert "1234" in first["final"]
    assert "132" in second["final"]
    assert "18" in third["final"]
    assert [r["index"] for r in (first, second, third)] == [0, 1, 2]
    assert [r["line"] for r in (first, second, third)] == [1, 3, 4]
    assert list(first) == KEYS
    assert second["usage"]["cached_tokens"] > 0
    assert first["error"] is None


def test_korean_is_written_as_it_is():
    assert "입니다" in gptoss(*BATCH, stdin="47 더하기 85는?\n").stdout


def test_one_at_a_time_says_what_run_says():
    prompts = ["47 + 85", "What is 12 + 30?", "hello"]
    alone = [gptoss("run", *GREEDY, prompt).stdout.rstrip("\n") for prompt in prompts]
    for parallel in ("1", "3"):
        done = gptoss(*BATCH, "--parallel", parallel, stdin="\n".join(prompts))
        assert [final.rstrip("\n") for final in finals(done)] == alone


def test_the_seed_that_is_told_repeats_a_line():
    """Each line has its own, and it does not depend on what is before it."""
    lines = "hello\nhello\nhello\n"
    first, second, third = records(gptoss("batch", "-m", "demo", "--seed", "7", stdin=lines))
    assert len({r["seed"] for r in (first, second, third)}) == 3
    again = json.dumps({"prompt": "hello", "seed": second["seed"]})
    (alone,) = records(gptoss("batch", "-m", "demo", stdin=again))
    assert (alone["seed"], alone["final"]) == (second["seed"], second["final"])


def test_objects_say_how_they_are_to_be_answered():
    lines = [
        {"prompt": "12 + 30", "id": "a"},
        {"prompt": "12 + 30", "id": 7, "effort": "low", "seed": 5, "temperature": 0.5},
        {"prompt": "12 + 30", "id": None, "max_tokens": 3},
        {"prompt": "12\n+ 30", "id": True, "system": "Answer in English."},
    ]
    done = gptoss(*BATCH, stdin="\n".join(map(json.dumps, lines)))
    first, second, third, fourth = records(done)
    assert [r["id"] for r in (first, second, third, fourth)] == ["a", 7, None, True]
    assert second["usage"]["reasoning_tokens"] < first["usage"]["reasoning_tokens"]
    assert second["seed"] == 5
    assert third["finish_reason"] == "length"
    assert third["usage"]["completion_tokens"] == 3
    assert fourth["usage"]["prompt_tokens"] > first["usage"]["prompt_tokens"]
    assert done.exit_code == 6
    assert "1 of 4 lines is cut off" in done.stderr


BAD = [
    (b"{", "not valid JSON"),
    (b"[1]", "not a JSON object"),
    (b'"text"', "not a JSON object"),
    (b"{}", "prompt is missing"),
    (b'{"prompt": " "}', "prompt is empty"),
    (b'{"prompt": 5}', "prompt takes text"),
    (b'{"promt": "x"}', "did you mean prompt?"),
    (b'{"prompt": "x", "id": [1]}', "id takes text"),
    (b'{"prompt": "x", "id": 1e999}', "id takes text"),
    (b'{"prompt": "x", "effort": "very"}', "low, medium, high or none"),
    (b'{"prompt": "x", "temperature": -1}', "temperature takes a number from 0 to 10"),
    (b'{"prompt": "x", "max_tokens": 1.5}', "max_tokens takes a whole number"),
    (b'{"prompt": "x", "seed": true}', "seed takes"),
    (b'{"prompt": "x", "top_p": NaN}', "not valid JSON"),
    (b'{"prompt": "\xff\xfe"}', "not valid UTF-8"),
    (b'{"prompt": "a\0b"}', "binary"),
    (b'{"prompt": ' + b"[" * 100_000, "not valid JSON"),
    (b'{"prompt": "x", "seed": ' + b"9" * 5_000 + b"}", "not valid JSON"),
    (json.dumps({"prompt": "word " * 9_000}).encode(), "tokens, the context window 8,192"),
    (b'{"prompt": "' + b"x" * (5 << 20) + b'"}', "more than 4,194,304 bytes"),
]


def test_a_bad_line_becomes_a_record_and_the_rest_goes_on():
    good = b'{"prompt": "12 + 30", "id": "good"}'
    lines = [good, *(line for bad, _ in BAD for line in (bad, good))]
    done = gptoss(*BATCH, stdin=b"\n".join(lines))
    assert done.exit_code == 1
    assert f"{len(BAD)} of {len(lines)} lines failed" in done.stderr
    found = records(done)
    assert [r["index"] for r in found] == list(range(len(lines)))
    for record, (_, message) in zip(found[1::2], BAD, strict=True):
        assert message in record["error"]["message"]
        assert record["error"]["exit_code"] in (2, 4)
        assert record["final"] is record["usage"] is record["finish_reason"] is None
    assert {r["final"] for r in found[::2]} == {"12 + 30 = 42"}


def test_the_first_line_tells_what_the_lines_are():
    """A brace alone begins no object; --format says it for good."""
    assert records(gptoss(*SHORT, stdin="{x} is a set\nhi"))[1]["error"] is None
    objects = '{"prompt": "hi"}\nhi\n'
    assert [r["error"] is None for r in records(gptoss(*SHORT, stdin=objects))] == [True, False]
    as_lines = records(gptoss(*SHORT, "--format", "lines", stdin=objects))
    assert [r["error"] for r in as_lines] == [None, None]
    as_objects = records(gptoss(*SHORT, "--format", "jsonl", stdin="hi\n"))
    assert as_objects[0]["error"]["exit_code"] == 2


@pytest.mark.parametrize("stdin", ["", "\n\n  \n"])
def test_nothing_in_gives_nothing_out(stdin):
    done = gptoss(*BATCH, stdin=stdin)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    (record,) = records(gptoss(*BATCH, stdin=b"\xef\xbb\xbf" + b'{"prompt": "12 + 30"}'))
    assert record["final"] == "12 + 30 = 42"
    done = gptoss(*BATCH, stdin="12 + 30\n".encode("utf-16"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "UTF-16" in done.stderr


def test_thinking_is_there_when_asked_for():
    (record,) = records(gptoss(*BATCH, "--show-thinking", stdin="47 + 85"))
    assert "carry" in record["thinking"]
    assert list(record) == [*KEYS[:6], "thinking", *KEYS[6:]]


def test_surrogates_in_an_id_come_back():
    (record,) = records(gptoss(*SHORT, stdin='{"prompt": "hi", "id": "\\ud800"}'))
    assert record["id"] == "\ud800"


def test_a_file_in_and_a_file_out(tmp_path):
    source, target = tmp_path / "두 줄.txt", tmp_path / "out.jsonl"
    source.write_text("12 + 30\n1 + 1\n", encoding="utf-8")
    done = gptoss(*BATCH, source, "-o", target)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert finals(target.read_text("utf-8")) == ["12 + 30 = 42", "1 + 1 = 2"]
    again = gptoss(*BATCH, source, "-o", target)
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert "--resume" in again.stderr
    assert len(records(target.read_text("utf-8"))) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no such file"], "cannot be read"),
        (["."], "is a folder"),
        (["README.md", "-o", "/no/such/folder/out"], "cannot be written"),
        (["README.md", "--resume"], "goes on with a file"),
        (["README.md", "--parallel", "0"], "parallel"),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_model_is_loaded(arguments, message):
    done = gptoss(*BATCH, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_killed_ten_times_it_goes_on_without_repeating_or_losing_a_line(tmp_path):
    count = 150
    source, target = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text(sums(count))
    command = [*COMMAND, *BATCH, str(source), "-o", str(target), "--resume"]
    killed = 0
    for number in range(10):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=ROOT)
        before = size_of(target)
        until = time.monotonic() + 60
        # Killed at another point each time: soon after the first, second, ... new record.
        while process.poll() is None and time.monotonic() < until:
            if size_of(target) > before + 400 * (number % 4 + 1):
                process.kill()
                killed += 1
                break
            time.sleep(0.002)
        process.wait()
        if number % 3 == 0:  # as a power failure may leave it
            with target.open("ab") as file:
                file.write(b'{"version": 1, "index": ')
    assert killed == 10
    done = gptoss(*BATCH, source, "-o", target, "--resume")
    assert done.exit_code == 0
    found = records(target.read_text("utf-8"))
    assert [r["index"] for r in found] == list(range(count))
    assert [r["final"] for r in found] == [f"{i} + {3 * i} = {4 * i}" for i in range(count)]


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_resuming_what_is_complete_does_nothing_and_says_the_same(tmp_path):
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"prompt": "1 + 1"}\n{"prompt": 5}\n')
    assert gptoss(*BATCH, source, "-o", target).exit_code == 1
    written = target.read_bytes()
    again = gptoss(*BATCH, source, "-o", target, "--resume")
    assert again.exit_code == 1
    assert "1 of 2 lines failed" in again.stderr
    assert target.read_bytes() == written


@pytest.mark.parametrize("changed", ["1 + 1\n2 + 3\n", "1 + 1\n"])
def test_another_input_is_no_input_to_resume_with(tmp_path, changed):
    source, target = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("1 + 1\n2 + 2\n")
    gptoss(*BATCH, source, "-o", target)
    written = target.read_bytes()
    source.write_text(changed)
    done = gptoss(*BATCH, source, "-o", target, "--resume")
    assert done.exit_code == 2
    assert "the input" in done.stderr
    assert target.read_bytes() == written


@pytest.mark.parametrize(
    "notes",
    [
        "my notes\nand more\n",
        "one line",
        '{"prompt": "1 + 1"}\n',
        '{"version": 1, "name": "x"}',
        '{"version": 1, "index": 0, "line": my own notes',
        '{"index": 0, "text": "mine"}\n{',
    ],
)
def test_a_file_that_is_no_batch_stays_as_it_is(tmp_path, notes):
    source, target = tmp_path / "in.txt", tmp_path / "notes.txt"
    source.write_text("1 + 1\n")
    target.write_text(notes)
    done = gptoss(*BATCH, source, "-o", target, "--resume")
    assert done.exit_code == 2
    assert "no record of a batch" in done.stderr
    assert target.read_text() == notes


@pytest.mark.parametrize("left", ['{"ver', '{"version": 1, "index": 0, "line": 1, "inp', "\0\0\0"])
def test_a_first_record_that_was_not_written_to_its_end_is_made_again(tmp_path, left):
    source, target = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("1 + 1\n")
    target.write_text(left)
    done = gptoss(*BATCH, source, "-o", target, "--resume")
    assert done.exit_code == 0
    assert [r["final"] for r in records(target.read_text("utf-8"))] == ["1 + 1 = 2"]


def test_half_a_record_of_another_input_stays(tmp_path):
    source, target = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("1 + 1\n2 + 2\n")
    gptoss(*BATCH, source, "-o", target)
    target.write_bytes(target.read_bytes()[:-9])
    written = target.read_bytes()
    source.write_text("3 + 3\n2 + 2\n")
    assert gptoss(*BATCH, source, "-o", target, "--resume").exit_code == 2
    assert target.read_bytes() == written


def test_two_batches_do_not_write_one_file(tmp_path):
    target = tmp_path / "out.jsonl"
    first = subprocess.Popen(
        [*COMMAND, *BATCH, "-o", str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
    )
    first.stdin.write(b"1 + 1\n")
    first.stdin.flush()
    until = time.monotonic() + 60
    while not size_of(target) and time.monotonic() < until:
        time.sleep(0.01)
    second = gptoss(*BATCH, "-o", target, "--resume", stdin="1 + 1\n")
    assert second.exit_code == 2
    assert "another batch" in second.stderr
    first.communicate(b"2 + 2\n", timeout=60)
    assert finals(target.read_text()) == ["1 + 1 = 2", "2 + 2 = 4"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_told():
    done = gptoss(*SHORT, "-o", "/dev/full", stdin="hi\n")
    assert done.exit_code == 1
    assert "/dev/full cannot be written" in done.stderr
    command = " ".join([*COMMAND, *SHORT, "> /dev/full"])
    piped = subprocess.run(
        ["bash", "-c", command], input=b"hi\n", capture_output=True, check=False, cwd=ROOT
    )
    assert piped.returncode == 1
    assert b"standard output cannot be written" in piped.stderr


def test_an_endless_input_and_a_reader_that_goes():
    script = f"yes hi | {' '.join([*COMMAND, *SHORT])} | head -3; echo ${{PIPESTATUS[1]}}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT
    )
    *lines, code = done.stdout.splitlines()
    assert [record["index"] for record in records("\n".join(lines))] == [0, 1, 2]
    assert (code, done.stderr) == ("141", "")


def test_a_line_is_answered_before_the_next_one_comes():
    """A program may write a line, wait for its answer, and write the next."""
    process = subprocess.Popen(
        [*COMMAND, *BATCH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    for i in (1, 2, 3):
        process.stdin.write(f"{i} + {i}\n".encode())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["final"] == f"{i} + {i} = {2 * i}"
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_ctrl_c_leaves_whole_records_and_says_how_to_go_on(tmp_path, random_model):
    source, target = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text('{"prompt": "a", "max_tokens": 2}\n' + '{"prompt": "b"}\n' * 20)
    process = subprocess.Popen(
        [
            *(*COMMAND, "batch", "-m", str(random_model), "--temperature", "0"),
            *("--context", "4096", "--parallel", "2", str(source), "-o", str(target)),
        ],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    until = time.monotonic() + 60
    while not size_of(target) and time.monotonic() < until:
        time.sleep(0.01)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert time.monotonic() - started < 5
    assert process.returncode == 130
    assert b"--resume" in stderr
    assert str(source).encode() in stderr
    assert [record["index"] for record in records(target.read_text())] == [0]


def test_ctrl_c_while_nothing_comes_ends_at_once():
    process = subprocess.Popen(
        [*COMMAND, *BATCH],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    process.stdin.write(b"1 + 1\n")
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert process.wait(timeout=60) == 130
    assert time.monotonic() - started < 5
    process.communicate()


def test_at_a_terminal_the_progress_moves_and_leaves_a_summary(tmp_path):
    source = tmp_path / "in.txt"
    source.write_text(sums(60))
    target = tmp_path / "out.jsonl"
    with Terminal(*BATCH, source, "-o", target) as terminal:
        assert terminal.wait_for_end() == 0
        assert "60/60" in terminal.text
        assert "lines/s" in terminal.text
        assert "left" not in terminal.text
    assert len(records(target.read_text())) == 60


def test_records_at_a_terminal_are_whole_rows(tmp_path):
    with Terminal(*SHORT, "--format", "lines", "README.md", columns=400) as terminal:
        terminal.wait_for_end()
        rows = [row for row in terminal.text.splitlines() if '"version"' in row]
        assert rows
        assert all(row.startswith('{"version"') for row in rows)


def test_statistics_are_told_in_a_pipe_when_asked_for():
    assert "lines/s" in gptoss(*SHORT, "--stats", stdin="hi\nhi\n").stderr
