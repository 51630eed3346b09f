"""Real shells in a pseudo-terminal, with the completion of gptoss, and what Tab makes of a line."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pexpect

from tests.support.program import COMMAND, ROOT

STUB = """#!/bin/sh
if [ "$1" = __complete ]; then exec {program} "$@"; fi
printf '<%s>' "$@"; printf '.\\n'
"""
START = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "--interactive"],
}
SETUP = {
    # What a system's bash has; the prompt is seen only when the shell waits.
    "bash": "bind 'set enable-bracketed-paste off'; PS1='READY> '; . {completions}/gptoss.bash",
    "zsh": "autoload -Uz compinit; compinit -D -u; unsetopt ALWAYS_LAST_PROMPT ZLE_RPROMPT_INDENT;"
    " PS1='READY> '; . {completions}/gptoss.zsh",
    "fish": "function fish_prompt; echo -n 'READY> '; end; source {completions}/gptoss.fish",
}


class Shell:
    """One shell; the program in it shows its arguments instead of doing anything."""

    def __init__(self, name: str, folder: Path, **env: str) -> None:
        stub = folder / "bin" / "gptoss"
        stub.parent.mkdir()
        stub.write_text(STUB.format(program=shlex.join(COMMAND)))
        stub.chmod(0o755)
        self._child = pexpect.spawn(
            name,
            START[name],
            cwd=folder,
            timeout=20,
            encoding="utf-8",
            dimensions=(50, 200),
            env=os.environ
            | {
                "PATH": f"{stub.parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "HOME": str(folder),
                "TERM": "dumb" if name == "fish" else "xterm",
                "LC_ALL": "C.UTF-8",
                "INPUTRC": "/dev/null",
            }
            | env,
        )
        self._child.delaybeforesend = None
        self._child.sendline(SETUP[name].format(completions=ROOT / "completions"))
        self._child.expect("READY> ")
        self._child.sendline("gptoss is there")
        self._child.expect_exact("<is><there>.")

    def arguments(self, typed: str) -> list[str]:
        """Return what the program is given when `typed` (with its Tabs) and Enter are typed."""
        self._child.expect("READY> ")
        for part in re.split("(\t)", typed):
            self._child.send(part)
        self._child.sendline("")
        self._child.expect(r"((?:<[^>\n]*>)*)\.\r?\n")
        return re.findall("<([^>]*)>", self._child.match[1])

    def close(self) -> None:
        self._child.close(force=True)
