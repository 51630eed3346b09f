"""Bad input gets one clear sentence, a hint and its exit code, and never a traceback."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.program import COMMAND, ROOT, gptoss
from tests.support.random_model import write_random_model


def check(done, exit_code: int, *said: str) -> None:
    assert done.exit_code == exit_code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].startswith("error: ")
    assert len(lines) <= 2
    for text in said:
        assert text in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--efort", "low", "hi"], ["no such option: --efort", "--effort"]),
        (["run", "--effort", "hgh", "hi"], ["'hgh'", "Did you mean high?"]),
        (["run", "--temperature", "warm", "hi"], ["--temperature", "a number"]),
        (["run", "--top-p", "3", "hi"], ["--top-p", "not in the range 0.0<=x<=1.0"]),
        (["run", "--date", "2026-02-30", "hi"], ["--date", "'2026-02-30'"]),
        (["run", "-m"], ["'-m' requires an argument"]),
        (["chat", "--seed", "-4"], ["--seed"]),
        (["run", "--context", "0", "hi"], ["--context"]),
        (["-5 + 3"], ["no such option: -5", "after --"]),
    ],
)
def test_options_that_cannot_be_understood(arguments, said):
    check(gptoss(*arguments), 2, *said)


def test_no_model_says_what_downloads_one_and_what_tries_the_embedded_one():
    done = gptoss("hi")
    check(done, 3, "gptoss run -m demo", "gptoss pull 20b")
    assert len(done.stderr.splitlines()) == 2


def test_files_that_are_no_model(tmp_path, random_model):
    (tmp_path / "empty.gguf").touch()
    (tmp_path / "text.gguf").write_text("just text")
    (tmp_path / "cut.gguf").write_bytes(random_model.read_bytes()[:-9000])
    write_random_model(tmp_path / "llama.gguf", changes={"general.architecture": "llama"})
    for name, said in {
        "missing.gguf": "there is no file",
        "": "is a folder",
        "empty.gguf": "is empty",
        "text.gguf": "is not a GGUF file",
        "cut.gguf": "promises",
        "llama.gguf": "gptoss runs gpt-oss models",
    }.items():
        check(gptoss("run", "-m", tmp_path / name, "hi"), 3, said)


@pytest.mark.parametrize("command", [("run", "hi"), ("batch", "-")])
@pytest.mark.parametrize(
    ("tokens", "said"), [(["a"] * 266, "doubles"), ([f"{i}a" for i in range(266)], "<|start|>")]
)
def test_a_vocabulary_that_is_damaged(tmp_path, command, tokens, said):
    """It is read while the weights come."""
    path = write_random_model(tmp_path / "x.gguf", changes={"tokenizer.ggml.tokens": tokens})
    done = gptoss(command[0], "-m", path, *command[1:], stdin="hi\n")
    check(done, 3, "is damaged", said)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path, random_model):
    path = tmp_path / "secret.gguf"
    path.write_bytes(random_model.read_bytes())
    path.chmod(0)
    check(gptoss("run", "-m", path, "hi"), 3, "cannot be read")


@pytest.mark.parametrize(
    ("context", "said"), [("999999", "trained for a context of 4,096"), ("64", "too small")]
)
def test_context_windows_that_cannot_be(random_model, context, said):
    check(gptoss("run", "-m", random_model, "--context", context, "hi"), 2, said)


def test_a_prompt_larger_than_the_window_gives_both_numbers(random_model):
    done = gptoss("run", "-m", random_model, "--context", "512", stdin="word " * 500)
    check(done, 4, "the context window 512", "--context ")
    done = gptoss("run", "-m", random_model, "--context", "512", stdin="word " * 1000)
    check(
        done, 4, "the context window 512", "a shorter prompt: the model reads 4,096 tokens at most"
    )


@pytest.mark.parametrize("option", ["--temperature", "--top-p", "--min-p"])
def test_what_is_no_number_is_no_number(option):
    check(gptoss("run", "-m", "demo", option, "nan", "hi"), 2, "it takes a number from 0 to")


def test_more_threads_than_the_machine_has_are_refused():
    check(gptoss("run", "-m", "demo", "--threads", "100000", "hi"), 2, "this machine has")


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "the prompt is empty"),
        (b"  \n\n", "the prompt is empty"),
        ("안녕하세요".encode("cp949"), "not valid UTF-8"),
        (b"\x7fELF\x00\x01\x02\xff\x00", "is binary"),
        (b"a\x00b", "is binary"),
    ],
)
def test_standard_input_that_is_no_text(random_model, stdin, said):
    check(gptoss("run", "-m", random_model, stdin=stdin), 2, said)


def test_an_empty_prompt():
    check(gptoss("run", ""), 2, "the prompt is empty")


def test_a_prompt_argument_that_is_not_utf8(random_model):
    argument = os.fsdecode("가".encode("cp949"))
    check(gptoss("run", "-m", random_model, argument), 2, "not valid UTF-8")


def test_a_model_name_full_of_escapes_is_shown_not_obeyed():
    done = gptoss("run", "-m", "\x1b]0;title\x07\x1b[31m.gguf", "hi")
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr
    assert "\x07" not in done.stderr


def test_a_chat_needs_a_terminal(random_model):
    check(gptoss("chat", "-m", random_model, stdin="hi\n"), 2, "terminal", "gptoss run")


def test_more_memory_than_there_is(tmp_path):
    changes = {"gpt-oss.context_length": 1 << 24}
    path = write_random_model(tmp_path / "wide.gguf", layers=48, changes=changes)
    check(gptoss("run", "-m", path, "--context", str(1 << 24), "hi"), 4, "GB", "--context ")


@pytest.mark.parametrize("home", ["/nonexistent/home", "/proc"])
def test_a_home_that_is_missing_or_read_only_changes_nothing(random_model, home):
    done = gptoss(
        "run", "-m", random_model, "--seed", "1", "--max-tokens", "3", "hi", env={"HOME": home}
    )
    assert done.exit_code == 6
    assert "Traceback" not in done.stderr


def test_a_defect_of_ours_leaves_a_report_without_the_prompt(tmp_path, home: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import gptoss_cli.models.weights as weights\n"
        "def broken(path):\n"
        "    raise KeyError('secret prompt')\n"
        "weights.open_weights = broken\n"
    )
    done = gptoss("run", "-m", "demo", "secret prompt", env={"PYTHONPATH": f"{tmp_path}:."})
    assert done.exit_code == 70
    assert done.stderr.startswith("error: gptoss failed in a way it should not (KeyError in ")
    assert "Traceback" not in done.stderr
    (report,) = home.rglob("report-*.txt")
    assert str(report) in done.stderr
    assert "sitecustomize.py" in report.read_text()
    assert "secret prompt" not in report.read_text().replace("KeyError('secret prompt')", "")
    assert stat.S_IMODE(report.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_were_closed_before_the_start(random_model, closed):
    program = " ".join(COMMAND)
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"{program} run -m {random_model} --temperature 0 --max-tokens 3 hi {closed}",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr


def test_a_pipe_as_a_model_does_not_wait_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe.gguf")
    check(gptoss("run", "-m", tmp_path / "pipe.gguf", "hi"), 3, "not a regular file")


def test_a_full_disk_is_told_and_is_no_defect(random_model):
    command = " ".join([*COMMAND, "run", "-m", str(random_model), "--max-tokens", "30", "hi"])
    done = subprocess.run(
        ["bash", "-c", f"{command} > /dev/full"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "No space left on device" in done.stderr
    assert "defect" not in done.stderr


@pytest.mark.parametrize("target", ["/dev/full", ">(exec true)"])
def test_what_happens_to_standard_error_never_costs_the_answer(random_model, target):
    arguments = ["run", "-m", str(random_model), "--seed", "1", "--max-tokens", "5", "--stats"]
    command = " ".join([*COMMAND, *arguments, "--show-thinking", "hi"])
    done = subprocess.run(
        ["bash", "-c", f"{command} 2> {target}"],
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 6
    assert done.stdout


def test_a_command_after_its_options_is_not_taken_for_a_prompt(random_model):
    check(gptoss("-m", random_model, "chat"), 2, "the command comes before the options")


def test_a_home_of_nobody():
    check(gptoss("run", "-m", "~nobody-by-this-name/x.gguf", "hi"), 3, "there is no file")


@pytest.mark.parametrize("option", ["--temperature=1e-50", "--top-p=0"])
def test_extreme_sampling_is_quiet(random_model, option):
    done = gptoss("run", "-m", random_model, "--max-tokens", "5", option, "hi")
    assert done.exit_code == 6
    assert done.stderr == "cut off by the token limit\n"


def test_ctrl_c_while_megabytes_are_read(random_model):
    process = subprocess.Popen(
        [*COMMAND, "run", "-m", str(random_model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    # All but what the pipe itself holds has been read when this returns; the end never comes.
    os.write(process.stdin.fileno(), b"word " * 2_000_000)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr) == (130, b"", b"")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seed", "x"], "'x' is not a whole number"),
        (["--top-k", "1.5"], "'1.5' is not a whole number"),
        (["--temperature", "warm"], "'warm' is not a number"),
        (["-m", ""], "the name of the model is empty"),
    ],
)
def test_wrong_values_are_told_in_plain_words(arguments, said):
    check(gptoss("run", *arguments, "hi"), 2, said)
