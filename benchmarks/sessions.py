"""The store of conversations with 10,000 sessions of 20 messages: search, listing, opening.

    python -m benchmarks.sessions [FOLDER]

Texts are 400 characters of made-up Korean and English, so that words are as rare and as common as
in real ones. The store is made in FOLDER, or for the run only; making it takes minutes.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gptoss_cli.messages import Message, analysis, final, user
from gptoss_cli.sessions.records import SessionInfo, SessionSettings, StoredMessage, StoredSession
from gptoss_cli.sessions.store import SessionStore, open_store

SESSIONS = 10_000
MESSAGES = 20
LONG_SESSION = 2_000
CHARACTERS = 400
ROUNDS = 9
VOCABULARY = 20_000
PARTICLES = ("은", "는", "이", "가", "을", "를", "에서", "에서는", "으로", "의", "", "", "까지")
QUERIES = {
    "a rare word": "zyzzyva",
    "서울, in every 50th message": "서울",
    "a common syllable": "에",
    "a common English word": "the",
    "one letter": "t",
    "two letters": "th",
    "three words": "서울 the paris",
    "a phrase": '"the quick brown"',
    "nothing like it": "콰랗뚫",
}


def words(chance: random.Random) -> list[str]:
    """Return words by falling frequency, English and Korean mixed."""
    english = ["the", "of", "and", "to", "in", "that", "quick", "brown", "paris"]
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    made = []
    for _ in range(VOCABULARY // 2):
        length = chance.randint(3, 10)
        made.append("".join(chance.choices(letters, range(26, 0, -1), k=length)))
        made.append("".join(chr(chance.randrange(0xAC00, 0xD7A3)) for _ in range(2)))
    return [*english, *made]


def text(chance: random.Random, vocabulary: list[str], weights: list[float]) -> str:
    chosen = chance.choices(vocabulary, cum_weights=weights, k=90)
    if chance.random() < 0.02:
        chosen[chance.randrange(10)] = "서울"
    glued = (w if w.isascii() else w + chance.choice(PARTICLES) for w in chosen)
    return " ".join(glued)[:CHARACTERS]


def session(
    number: int, size: int, chance: random.Random, vocabulary: list[str], weights: list[float]
) -> StoredSession:
    made: tuple[Callable[[str], Message], ...] = (user, analysis, final)
    messages = tuple(
        StoredMessage(
            id=n + 1,
            parent_id=n or None,
            message=made[n % 3](text(chance, vocabulary, weights)),
            created_s=1.7e9 + number * 1000 + n,
        )
        for n in range(size)
    )
    info = SessionInfo(
        id="",
        title=f"Session {number}",
        title_is_own=False,
        created_s=1.7e9 + number * 1000,
        changed_s=1.7e9 + number * 1000 + size,
        model="20b",
        message_count=size,
    )
    return StoredSession(info, SessionSettings(), messages, size)


def fill(store: SessionStore) -> None:
    chance = random.Random(1)
    vocabulary = words(chance)
    total, weights = 0.0, []
    for place in range(len(vocabulary)):
        total += 1 / (place + 2)
        weights.append(total)
    started = time.perf_counter()
    for number in range(SESSIONS):
        store.restore(session(number, MESSAGES, chance, vocabulary, weights), origin=f"{number}")
    seconds = time.perf_counter() - started
    print(f"filling: {seconds:.0f} s, {seconds / SESSIONS / MESSAGES * 1e6:.0f} us per message")
    store.restore(session(SESSIONS, LONG_SESSION, chance, vocabulary, weights), origin="long")


def measured(name: str, task: Callable[[], object]) -> None:
    values = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        task()
        values.append((time.perf_counter() - started) * 1e3)
    print(
        f"{name:44} {statistics.median(values):8.1f} ms  ({min(values):.1f} to {max(values):.1f})"
    )


def once(name: str, task: Callable[[], object]) -> None:
    started = time.perf_counter()
    task()
    print(f"{name:44} {(time.perf_counter() - started) * 1e3:8.1f} ms  (once)")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(temporary)
        path = folder / "sessions.db"
        with open_store(path) as store:
            if store.last() is None:
                fill(store)
            print(f"{store.size_bytes() / 1e6:.0f} MB")
        measured("opening the store", lambda: open_store(path).close())
        with open_store(path) as store:
            long = store.find(f"Session {SESSIONS}")[0].id
            measured("listing 20 sessions", lambda: store.sessions(20))
            measured("listing all sessions", store.sessions)
            measured("finding a session by its title", lambda: store.find("session 77"))
            measured(f"opening {LONG_SESSION} messages", lambda: store.load(long))
            for name, query in QUERIES.items():
                found = len(store.search(query))
                measured(f"search: {name} ({found})", lambda q=query: store.search(q))
            measured("search: 서울, thinking, too", lambda: store.search("서울", thinking=True))
            head = store.load(long).head_id
            measured("adding a message", lambda: store.add(long, head, user("서울은 " * 100)))
            oldest = store.sessions()[-1].id
            once("removing one session without a trace", lambda: store.remove([oldest]))


if __name__ == "__main__":
    main()
