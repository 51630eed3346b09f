"""What idle time gains, and what it costs whoever types meanwhile.

    python -m benchmarks.idle_prefill MODEL.gguf [first|turn|stop|echo]...

First: the first word of a first answer, of a chat that read the beginning ahead, of one that was
stopped halfway, and of one that did not; and how long Enter waits for a piece of that.
Turn: the first word of a second answer, behind an answer of 150 tokens, with and without idle time
before it, interleaved. Stop: from a Cancel at random moments of idle time until the thread that
decodes is free, which is what Enter waits for. Echo: from a key press to its character while a chat
reads a stored conversation ahead, and in one that does not.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.chat import one_key, said
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.turn import Chat
from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.engine.local import LocalEngine
from gptoss_cli.events import Finished
from gptoss_cli.machine import usable_cores
from gptoss_cli.messages import final, user
from gptoss_cli.sessions.records import SessionSettings
from gptoss_cli.sessions.store import open_store
from tests.support.chat import ChatTerminal
from tests.support.engines import engine_on

ROUNDS = 3
STOPS = 40
KEYS = 60
ANSWER_TOKENS = 150
QUESTION = "And how would you say that in one sentence?"
SETTINGS = ChatSettings(date="2026-11-22", sampling=Sampling(temperature=0.0), max_tokens=8)


def ask(chat: Chat, text: str) -> Finished:
    *_, end = chat.answer(chat.prepare(text), Cancel())
    assert isinstance(end, Finished)
    return end


def words(chance: random.Random, engine: LocalEngine, tokens: int) -> str:
    """Return text of about so many tokens."""
    text = ""
    while engine.text_tokens(text) < tokens:
        text += f"{chance.choice(('the', 'of', 'sea', 'light', 'over', 'and'))} "
    return text


def first(model: Path) -> None:
    """Print the wait for the first word of a first answer."""
    waits_s: dict[str, list[float]] = {"whole": [], "stopped": [], "none": []}
    enter_s, idle_s = [], 1.0
    engine = engine_on(model, 8192, threads=usable_cores())
    ask(Chat(engine, SETTINGS), "hi")  # the weights are in the page cache
    engine.close()
    for _ in range(ROUNDS):
        for idle, times_s in waits_s.items():
            engine = engine_on(model, 8192, threads=usable_cores())
            chat, cancel = Chat(engine, SETTINGS), Cancel()
            job = threading.Thread(target=chat.prefill, args=[cancel])
            if idle != "none":
                began = time.perf_counter()
                job.start()
                if idle == "whole":
                    job.join()
                    idle_s = time.perf_counter() - began
                else:
                    time.sleep(idle_s / 2)
                    began = time.perf_counter()
                    cancel.set()
                    job.join()
                    enter_s.append(time.perf_counter() - began)
            else:
                time.sleep(5)  # the model is loaded
            times_s.append(ask(chat, "What is the sea?").timings.ttft_s)
            engine.close()
    for idle, times_s in waits_s.items():
        said(f"first word, {idle} idle time (whole: {idle_s:.1f} s)", times_s)
    said("Enter waits for a piece of the beginning", enter_s)


def turn(model: Path) -> None:
    """Print the wait for the first word of a second answer."""
    engine, chance = engine_on(model, 8192, threads=usable_cores()), random.Random(1)
    with_s, without_s, idle_s, reads = [], [], [], []
    ask(Chat(engine, SETTINGS), "What is the sea?")
    for _ in range(ROUNDS):
        for is_idle in (False, True):
            chat = Chat(engine, SETTINGS)
            ask(chat, "What is the sea?")
            chat.tree.add(final(words(chance, engine, ANSWER_TOKENS)))
            began = time.perf_counter()
            if is_idle:
                chat.prefill(Cancel())
                idle_s.append(time.perf_counter() - began)
            end = ask(chat, QUESTION)
            (with_s if is_idle else without_s).append(end.timings.ttft_s)
            reads.append(end.usage.prompt_tokens - end.usage.cached_tokens)
    engine.close()
    message = engine.text_tokens(QUESTION)
    print(f"first word without idle time: {statistics.median(without_s):.1f} s, {reads[0]} read")
    print(f"first word behind idle time:  {statistics.median(with_s):.2f} s, {reads[1]} read")
    print(f"the message itself: {message} tokens; idle time: {statistics.median(idle_s):.1f} s")


def stop(model: Path) -> None:
    """Print how long after a Cancel reading ahead has stopped."""
    engine, chance = engine_on(model, 8192, threads=usable_cores()), random.Random(2)
    chat = Chat(engine, SETTINGS)
    ask(chat, "What is the sea?")
    waits_s = []
    while len(waits_s) < STOPS:
        chat.tree.add(final(words(chance, engine, 300)))
        cancel = Cancel()
        job = threading.Thread(target=chat.prefill, args=[cancel])
        job.start()
        time.sleep(chance.uniform(0.2, 2.0))
        began = time.perf_counter()
        was_reading = job.is_alive()
        cancel.set()
        job.join()
        if was_reading:
            waits_s.append(time.perf_counter() - began)
        if engine.prompt_tokens(chat.conversation) > 6000:
            chat.begin_anew()
            chat.tree.add(user("again"))
    engine.close()
    said(f"reading ahead has stopped, {STOPS} times", waits_s)


def echo(model: Path) -> None:
    """Print how long a key takes to its character while a chat reads ahead."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        path = Path(folder) / ".local/share/gptoss/sessions.db"
        path.parent.mkdir(parents=True)
        chance = random.Random(3)
        long_words = " ".join(str(chance.randrange(10**6)) for _ in range(1500))
        with open_store(path) as store:
            session_id = store.create(str(model), SessionSettings())
            parent = store.add(session_id, None, user("what are these?"))
            store.add(session_id, parent, final(long_words))
        for _ in range(2):
            for option in ("--no-idle-prefill", "--idle-prefill"):
                with ChatTerminal("-c", option, model=model, rows=30) as chat:
                    chat.read(15)  # the model is loaded
                    times_s = []
                    for _ in range(KEYS):
                        times_s.append(one_key(chat))
                        chat.read(0.1)
                said(f"echo, {option}", times_s)


def main() -> None:
    parts = {"first": first, "turn": turn, "stop": stop, "echo": echo}
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    model = Path(sys.argv[1])
    for name in sys.argv[2:] or parts:
        parts[name](model)


if __name__ == "__main__":
    main()
