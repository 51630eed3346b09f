"""The program as a shell runs it: arguments and standard input in, two streams and a code out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "gptoss_cli")


@dataclass(frozen=True)
class Done:
    stdout: str
    stderr: str
    exit_code: int


def gptoss(
    *arguments: str | Path,
    command: Sequence[str] = COMMAND,
    stdin: str | bytes | None = None,
    env: dict[str, str] | None = None,
    timeout_s: float = 60,
) -> Done:
    """Run the program, or another `command`, with its streams in pipes; `stdin` None means no input
    at all.
    """
    piped = {"stdin": subprocess.DEVNULL}
    if stdin is not None:
        piped = {"input": stdin.encode() if isinstance(stdin, str) else stdin}
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        check=False,
        timeout=timeout_s,
        cwd=ROOT,
        env=os.environ | (env or {}),
        **piped,
    )
    # newlines as they are: text mode would hide a carriage return
    return Done(
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
        done.returncode,
    )
