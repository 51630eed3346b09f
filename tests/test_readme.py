"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gptoss_cli.config.keys import KEYS
from gptoss_cli.errors import ExitCode
from tests.support.program import ROOT, gptoss

README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands_that_work_as_written() -> list[str]:
    (block,) = [block for block in code_blocks("sh") if "head -c 1" in block]
    return block.splitlines()


def in_a_shell(command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
        env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
    )


@pytest.mark.parametrize("command", commands_that_work_as_written())
def test_the_examples_work_as_written(command):
    done = in_a_shell(command)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_batches_work_as_written_one_after_the_other(tmp_path):
    (block,) = [block for block in code_blocks("sh") if "gptoss batch" in block]
    for command in block.splitlines():
        done = in_a_shell(command, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert '"id": "a", "final": "12 + 30 = 42"' in (tmp_path / "sums.jsonl").read_text()


def test_the_bench_works_as_written():
    (block,) = [block for block in code_blocks("sh") if "gptoss bench" in block]
    done = in_a_shell(block)
    assert done.returncode == 0, done.stderr
    assert "gptoss run" in done.stderr or "one-shot" in done.stdout


def test_the_transcript_is_what_the_program_says():
    block = code_blocks("text")[0]
    command, *shown = block.splitlines()
    done = in_a_shell(command.removeprefix("$ "))
    assert (done.stderr + done.stdout).splitlines() == shown


def test_the_table_of_exit_codes_is_complete_and_says_what_they_mean():
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", README, re.MULTILINE)
    assert rows == [(str(int(code)), code.meaning) for code in sorted(ExitCode)]


def test_every_option_the_readme_names_exists_and_every_option_is_named():
    shown = set(re.findall(r"--[a-z][a-z-]+", gptoss("run", "--help").stdout))
    (paragraph,) = re.findall(r"^Options of both:.*?\n\n", README, re.DOTALL | re.MULTILINE)
    for heading in ("option of `run`", "option"):
        pattern = rf"^\| {heading} \|.*?\n\n"
        (table,) = re.findall(pattern, README, re.DOTALL | re.MULTILINE)
        paragraph += table
    named = set(re.findall(r"--[a-z][a-z-]+", paragraph)) | {
        f"--{word}" for word in re.findall(r"/([a-z]+-[a-z]+)`", paragraph)
    }
    assert shown - {"--help"} == named - {"--help"}


def test_ci_runs_the_readmes_own_test_command():
    assert "python -m pip install -e '.[dev]' && python -m pytest" in README
    assert "grep" in (ROOT / ".ci" / "run").read_text()


def test_the_table_of_the_chats_commands_is_what_the_chat_has():
    from gptoss_cli.repl.commands.registry import COMMANDS

    rows = re.findall(r"^\| `/([a-z]+)(?: (.*?))?` \| (.*) \|$", README, re.MULTILINE)
    shown = [(name, arguments.replace("\\|", "|"), does) for name, arguments, does in rows]
    assert shown == [(c.name, c.arguments, c.does) for c in COMMANDS]


def test_every_option_of_the_chat_alone_is_explained():
    alone = set(re.findall(r"--[a-z][a-z-]+", gptoss("chat", "--help").stdout)) - set(
        re.findall(r"--[a-z][a-z-]+", gptoss("run", "--help").stdout)
    )
    named = set(re.findall(r"--[a-z][a-z-]+", README))
    assert alone - {"--continue", "--save"} <= named
    assert "`gptoss chat -c`" in README


def test_the_example_of_a_configuration_is_one(tmp_path):
    (example,) = code_blocks("toml")
    path = tmp_path / "config.toml"
    path.write_text(example, encoding="utf-8")
    done = gptoss("config", "check", env={"GPTOSS_CONFIG": str(path)})
    assert (done.stdout, done.exit_code) == ("", ExitCode.OK)


def test_the_table_of_keys_is_what_can_be_set():
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.*) \| (.*) \|$", README, re.MULTILINE)
    shown = {name: (takes, does) for name, takes, does in rows}
    for key in KEYS:
        takes, does = shown[key.full_name]
        assert does == key.does
        assert takes == key.kind.words or key.name == "threads"


def test_the_table_of_templates_is_what_there_is():
    rows = re.findall(r"^\| `([a-z]+)` \| ([A-Z][^|]+) \|$", README, re.MULTILINE)
    listed = [line.split("\t")[:2] for line in gptoss("templates").stdout.splitlines()]
    assert {tuple(row) for row in listed} <= set(rows)
