"""The chat in a real terminal: echo while it streams, stops, opening, memory over many turns.

    python -m benchmarks.chat [echo|stop|open|memory]...

Echo: from a key press to its character on the screen, while a model with random weights streams as
fast as it can. Stop: from Ctrl-C at random moments to a prompt that waits. Open: ``chat -c`` on
2,000 messages beside ``chat`` on none, each until the prompt waits. Memory: what 500 turns add to
the private memory of the process (the KV cache has its size from the beginning).
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from gptoss_cli.messages import analysis, final, user
from gptoss_cli.sessions.records import SessionSettings
from gptoss_cli.sessions.store import open_store
from tests.support.chat import ChatTerminal
from tests.support.random_model import write_random_model

KEYS = 100
STOPS = 200
MESSAGES = 2_000
TURNS = 500
ROUNDS = 7


def said(name: str, times_s: list[float]) -> None:
    ordered = sorted(times_s)
    middle, high = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
    print(
        f"{name}: median {middle * 1e3:.1f} ms, 95 % {high * 1e3:.1f}, most {ordered[-1] * 1e3:.1f}"
    )


def echo(folder: Path) -> None:
    """Print how long a key takes to its character, at rest and while an answer streams."""
    model = write_random_model(folder / "random.gguf")
    with ChatTerminal("--temperature", "0", "--no-save", model=model, rows=30) as chat:
        said("echo at rest", [one_key(chat) for _ in range(KEYS)])
        chat.send("\x03")
        chat.wait_until_idle()
        times_s: list[float] = []
        while len(times_s) < KEYS:
            chat.line("go on")
            chat.wait_for("Esc: stop")
            while "Esc: stop" in chat.status and len(times_s) < KEYS:
                times_s.append(one_key(chat))
            chat.send("\x03\x03")
            chat.wait_until_idle()
        said("echo while it streams", times_s)


def one_key(chat: ChatTerminal) -> float:
    chat.read(random.uniform(0.01, 0.06))
    before = len(chat.raw)
    began = time.perf_counter()
    chat.send("힣")
    while "힣".encode() not in chat.raw[before:]:
        chat.read_soon()
        if time.perf_counter() - began > 5:
            raise SystemExit("a key was not echoed")
    return time.perf_counter() - began


def stop(_folder: Path) -> None:
    """Print how long a prompt takes to come back after Ctrl-C at a random moment."""
    times_s = []
    with ChatTerminal("-e", "high", "--no-save", rows=40) as chat:
        for number in range(STOPS):
            chat.line("What is 4736 + 8567?")
            chat.read(random.uniform(0.0, 0.25))
            was_busy = "Esc: stop" in chat.status
            began = time.perf_counter()
            chat.send("\x03")
            while not chat.is_idle:
                chat.read_soon()
            if was_busy:
                times_s.append(time.perf_counter() - began)
            if "Ctrl-C again" in chat.text.rpartition("\n>")[0][-40:]:
                chat.ask(f"/title {number}")
    said(f"prompt after Ctrl-C, {len(times_s)} of {STOPS} in the middle of an answer", times_s)


def opening(_folder: Path) -> None:
    """Print what opening a session of 2,000 messages adds to the start of a chat."""
    path = Path(os.environ["HOME"]) / ".local/share/gptoss/sessions.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    chance = random.Random(1)
    with open_store(path) as store:
        session_id = store.create("demo", SessionSettings())
        parent = None
        for number in range(MESSAGES // 4):
            words = " ".join(f"{chance.randrange(10**6)} 그리고 말" for _ in range(20))
            for message in (user(words), analysis(words), final(words), user(f"{number} + 1")):
                parent = store.add(session_id, parent, message)
    for name, arguments in {"chat": (), "chat -c": ("-c",)}.items():
        times_s = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with ChatTerminal(*arguments, waits=False) as chat:
                chat.wait_for("earlier turns" if arguments else "\n>")
                times_s.append(time.perf_counter() - began)
        said(f"{name}, until it is seen", times_s)


def memory(_folder: Path) -> None:
    """Print what 500 turns add to the private memory."""
    with ChatTerminal("--temperature", "0") as chat:
        for number in range(10):
            chat.ask(f"{number} + 85")
        before = private_bytes(chat.pid)
        for number in range(TURNS):
            chat.ask(f"{number} + 85")
        grown = private_bytes(chat.pid) - before
        print(f"{TURNS} turns: {grown / 1e6:.1f} MB more")


def private_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def main() -> None:
    parts = {"echo": echo, "stop": stop, "open": opening, "memory": memory}
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        for name in sys.argv[1:] or parts:
            parts[name](Path(folder))


if __name__ == "__main__":
    main()
