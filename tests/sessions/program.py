"""Programs that use a store, for tests that kill them, limit them or run several at once.

    python -m tests.sessions.program NAME PATH [ARGUMENT]...

They print lines of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from gptoss_cli.errors import GptossError
from gptoss_cli.messages import final, user
from gptoss_cli.sessions.records import MessageState, SessionSettings
from gptoss_cli.sessions.store import open_store
from tests.support.program import ROOT


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.sessions.program", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, **options)


def said(program: subprocess.Popen[str]) -> list[Any]:
    """Wait for the end of `program` and return what it printed."""
    output, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


def write_for_ever(path: str) -> None:
    """Print what of a growing answer has been given to the store, until killed."""
    with open_store(Path(path)) as store:
        session_id = store.create("demo", SessionSettings())
        question = store.add(session_id, None, user("how long?"))
        answer = store.add(session_id, question, final(""), state=MessageState.PARTIAL)
        text = ""
        while True:
            text += f"{len(text)} "
            store.update(answer, final(text), state=MessageState.PARTIAL)
            print(json.dumps(text), flush=True)


def add_many(path: str, session_id: str, name: str, count: str) -> None:
    """Add messages one below the other."""
    with open_store(Path(path)) as store:
        head = None
        for number in range(int(count)):
            head = store.add(session_id, head, user(f"{name} {number}"))


def open_at(path: str, start_s: str) -> None:
    """Open the store at a moment, and use it."""
    time.sleep(max(0.0, float(start_s) - time.time()))
    with open_store(Path(path)) as store:
        print(json.dumps([store.create("demo", SessionSettings()), store.notice]))


def fill_disk(path: str, limit_bytes: str) -> None:
    """Add messages until no file may grow; then see what is there when they may again."""
    with open_store(Path(path)) as store:
        session_id = store.create("demo", SessionSettings())
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes), resource.RLIM_INFINITY))
        head, kept = None, 0
        try:
            while True:
                head = store.add(session_id, head, user(f"{kept} " * 500))
                kept += 1
        except GptossError as error:
            print(json.dumps([type(error).__name__, str(error), error.hint]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(json.dumps([kept, len(store.load(session_id).path())]))
        store.add(session_id, head, user("goes on"))


def open_limited(path: str, limit_bytes: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes), resource.RLIM_INFINITY))
    _try_to_open(path)


def open_as_nobody(path: str) -> None:
    """Open the store in a folder that this program, not being root, may not write."""
    Path(path).parent.chmod(0o555)
    if os.getuid() == 0:
        os.setuid(65534)
    _try_to_open(path)


def _try_to_open(path: str) -> None:
    try:
        with open_store(Path(path)) as store:
            store.create("demo", SessionSettings())
    except GptossError as error:
        print(json.dumps([type(error).__name__, str(error), error.hint]))
    else:
        print(json.dumps(["opened"]))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
