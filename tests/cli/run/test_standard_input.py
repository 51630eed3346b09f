"""Standard input: what is meant for gptoss is read, what belongs to a loop is left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

from tests.support.program import COMMAND, ROOT, gptoss

RUN = f"{sys.executable} -m gptoss_cli run -m demo --temperature 0"
GREEDY = ("run", "-m", "demo", "--temperature", "0")


def shell(script: str, **streams) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script],
        **({"stdin": subprocess.DEVNULL} | streams),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )


def test_a_loop_over_a_file_keeps_its_lines(tmp_path):
    lines = tmp_path / "lines"
    lines.write_text("1 + 2\n3 + 4\n5 + 6\n")
    done = shell(f'while read -r sum; do {RUN} "$sum"; done < {lines}')
    assert done.stdout.splitlines() == ["1 + 2 = 3", "3 + 4 = 7", "5 + 6 = 11"]


def test_a_loop_over_a_pipe_keeps_its_lines_and_is_told():
    done = shell(f"printf '1 + 2\\n3 + 4\\n' | while read -r sum; do {RUN} \"$sum\"; done")
    assert done.stdout.splitlines() == ["1 + 2 = 3", "3 + 4 = 7"]
    assert "was not read" in done.stderr


def test_in_a_loop_a_dash_asks_for_the_rest():
    done = shell(f"printf 'first\\n12 + 30\\n' | while read -r line; do {RUN} 'Add:' -; done")
    assert done.stdout == "12 + 30 = 42\n"


def test_dev_null_in_a_loop_is_respected_silently():
    done = shell(f"echo '1 + 2' | while read -r sum; do {RUN} \"$sum\" < /dev/null; done")
    assert (done.stdout, done.stderr) == ("1 + 2 = 3\n", "")


def test_without_a_prompt_the_input_of_a_script_is_the_prompt():
    done = shell(f"echo '1 + 2' | (true; {RUN}; true)")
    assert done.stdout == "1 + 2 = 3\n"


def test_what_is_piped_to_a_command_in_a_script_is_read():
    assert shell(f"true; echo '12 + 30' | {RUN} 'Please add:'; true").stdout == "12 + 30 = 42\n"


def test_a_minus_in_the_middle_is_a_minus():
    assert "= 3" in gptoss(*GREEDY, "5", "-", "2").stdout


def test_xargs_in_parallel_gets_whole_objects():
    done = shell(f"printf '1 + 2\\n3 + 4\\n5 + 6\\n' | xargs -d '\\n' -n 1 -P 4 {RUN} --json")
    answers = [json.loads(line)["final"] for line in done.stdout.splitlines()]
    assert sorted(answers) == ["1 + 2 = 3", "3 + 4 = 7", "5 + 6 = 11"]


def test_who_waits_for_input_is_told():
    read, write = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, *GREEDY, "Please add:"],
        stdin=read,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    os.close(read)
    assert b"< /dev/null" in process.stderr.readline()
    os.write(write, b"12 + 30")
    os.close(write)
    assert process.communicate(timeout=60)[0] == b"12 + 30 = 42\n"


def test_a_time_limit_also_ends_the_waiting():
    read, write = os.pipe()
    began = time.monotonic()
    done = subprocess.run(
        [*COMMAND, *GREEDY, "--timeout", "0.8", "Please add:"],
        stdin=read,
        capture_output=True,
        check=False,
        timeout=60,
        cwd=ROOT,
    )
    os.close(write)
    os.close(read)
    assert done.returncode == 124
    assert b"time limit" in done.stderr
    assert time.monotonic() - began < 10


def test_no_standard_input_at_all():
    assert shell(f"{RUN} '1 + 2' <&-").stdout == "1 + 2 = 3\n"
    assert shell(f"{RUN} '1 + 2' - <&-").returncode == 2


def test_standard_input_can_be_one_thing_only():
    done = gptoss(*GREEDY, "-f", "-", "Add:", "-", stdin="1 + 2")
    assert done.exit_code == 2
    assert "once" in done.stderr
