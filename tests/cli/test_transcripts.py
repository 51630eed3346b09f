"""What people type in a shell, and what they see: each transcript is run as it is written.

In ``transcripts/*.txt`` a line with ``$ `` is a command for bash; the lines below it are what
stands on standard output, those with ``! `` what standard error holds among others, ``= N`` the
exit code if it is not 0. ``…`` stands for anything. Commands of one paragraph are run one after
another in one folder of their own, in which the files of `FILES` lie. The model is the embedded
one, greedy.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "transcripts"
BIN = Path(sys.executable).parent
FILES = {
    "sum.txt": b"12 + 30",
    "more sums.txt": b"1 + 2",
    "한글.txt": "47 더하기 85는?".encode(),
    "euckr.txt": "47 더하기 85는?".encode("euc-kr"),
    "image.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "empty.txt": b"",
    "lines.txt": b"1 + 2\n3 + 4\n5 + 6\n",
}
SETTINGS = {"GPTOSS_MODEL": "demo", "GPTOSS_TEMPERATURE": "0"}


@dataclass
class Step:
    command: str
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    exit_code: int = 0


def paragraphs(path: Path) -> list[list[Step]]:
    found: list[list[Step]] = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("# "):
            found.append([])
        elif line.startswith("$ "):
            found[-1].append(Step(line[2:]))
        elif line.startswith("! "):
            found[-1][-1].stderr.append(line[2:])
        elif re.fullmatch(r"= \d+", line):
            found[-1][-1].exit_code = int(line[2:])
        else:
            found[-1][-1].stdout.append(line)
    return [paragraph for paragraph in found if paragraph]


ALL = [
    pytest.param(steps, id=f"{path.stem}: {steps[0].command[:60]}")
    for path in sorted(FOLDER.glob("*.txt"))
    for steps in paragraphs(path)
]


def matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), text) is not None


@pytest.mark.parametrize("steps", ALL)
def test_transcript(steps, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    kept = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    for step in steps:
        done = subprocess.run(
            ["bash", "-c", step.command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
            cwd=folder,
            env=os.environ | SETTINGS | kept | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        )
        stdout, stderr = done.stdout.decode().splitlines(), done.stderr.decode()
        told = f"$ {step.command}\n{done.stdout.decode()}\n! {stderr}\n= {done.returncode}"
        assert done.returncode == step.exit_code, told
        assert len(stdout) == len(step.stdout), told
        assert all(map(matches, step.stdout, stdout)), told
        for expected in step.stderr:
            assert any(matches(f"…{expected}…", line) for line in stderr.splitlines()), told
        if not step.stderr:
            assert stderr == "", told


def test_there_are_enough_of_them():
    assert sum(len(param.values[0]) for param in ALL) >= 120
