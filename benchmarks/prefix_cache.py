"""What the cache on disk saves: the second one-shot of a day, and a conversation that goes on.

    python -m benchmarks.prefix_cache MODEL.gguf [ROUNDS] [TOKENS]

One-shots are whole processes that generate one token. Going on is measured behind TOKENS tokens
(1,000), and 8,000 are extrapolated: reading a prompt takes time in proportion, and so does a file,
of which one with the size of 8,000 tokens is written and read besides.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import as_installed, interleaved, report, warm
from gptoss_cli.engine.base import Beginning, Cancel, Generated, Sampling
from gptoss_cli.engine.context import LlamaOptions
from gptoss_cli.engine.kv_file import KVState, Origin, Section
from gptoss_cli.engine.kv_store import KVStore
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.engine.reuse import Place
from gptoss_cli.models.weights import open_model

LONG_TOKENS = 8_000


def one_shots(model: Path, rounds: int, folder: Path) -> None:
    """Print the time of a run with and without what an earlier one read."""
    command = [
        *(sys.executable, "-m", "gptoss_cli", "run", "-m", str(model), "--json"),
        *("--max-tokens", "1", "--allow-truncated", "--threads", "2", "Hello world"),
    ]
    environment = as_installed() | {"XDG_CACHE_HOME": str(folder)}
    first_tokens: dict[str, list[float]] = {}

    def measure(name: str, *more: str) -> float:
        started = time.perf_counter()
        done = subprocess.run([*command, *more], env=environment, capture_output=True, check=True)
        took_s = time.perf_counter() - started
        answer = json.loads(done.stdout)
        first_tokens.setdefault(name, []).append(answer["timings"]["ttft_s"])
        print(name, round(took_s, 2), answer["timings"]["ttft_s"], answer["usage"], flush=True)
        return took_s

    warm(model)
    measure("first of the day")
    results = interleaved(
        {
            "--no-cache": lambda: measure("--no-cache", "--no-cache"),
            "again": lambda: measure("again"),
        },
        rounds,
    )
    report(results, "s")


def going_on(model: Path, n_tokens: int, folder: Path) -> None:
    """Print the time to the first token of a conversation of so many tokens."""
    store = KVStore(folder / "kv", 4 << 30)
    opened = open_model(model)
    prompt = np.random.default_rng(1).integers(0, 100_000, n_tokens).tolist()
    spent: dict[str, float] = {}
    n_bytes = 0
    for name in ("reads all", "goes on"):
        generator = LlamaTokenGenerator(
            LlamaOptions(
                paths=opened.file.parts,
                context_window=8192,
                largest_window=8192,
                vocabulary_size=opened.file.vocabulary_size,
                threads=len(os.sched_getaffinity(0)),
                kept_at=Place(store, "m"),
            )
        )
        list(answer(generator, [1], 1))  # loaded
        started = time.perf_counter()
        end = answer(generator, prompt if name == "reads all" else [*prompt, 7, 8, 9], 1)[-1]
        assert isinstance(end, Generated)
        spent[name] = time.perf_counter() - started
        print(f"{name}: {spent[name]:.2f} s, {end.cached_tokens:,} tokens cached", flush=True)
        generator.put_away([*prompt, 5], "s")
        started = time.perf_counter()
        generator.close()
        print(f"closing: {time.perf_counter() - started:.2f} s", flush=True)
        n_bytes = sum(entry.size_bytes for entry in store.entries())
    per_token = (n_bytes - (3 << 20)) / n_tokens
    size = int(per_token * LONG_TOKENS) + (3 << 20)
    print(f"{n_bytes:,} bytes, about {per_token:,.0f} a token")
    whole = KVState(
        np.arange(LONG_TOKENS, dtype=np.int32),
        Section(LONG_TOKENS, np.zeros(size, dtype=np.uint8).data),
    )
    for name, action in (
        ("write", lambda: store.keep(Origin("0" * 20, "m", "t"), whole)),
        ("find", lambda: store.longest("0" * 20, range(LONG_TOKENS + 1))),
        ("read", lambda: store.load("0" * 20, store.longest("0" * 20, range(LONG_TOKENS + 1)))),
    ):
        times = []
        for _ in range(5):
            started = time.perf_counter()
            assert action()
            times.append(time.perf_counter() - started)
        print(f"{name} {size:,} bytes: {statistics.median(times):.3f} s")
    full_s = spent["reads all"] / n_tokens * LONG_TOKENS
    print(f"{LONG_TOKENS:,} tokens: reading all takes {full_s:,.0f} s (extrapolated)")


def answer(generator: LlamaTokenGenerator, prompt: list[int], count: int) -> list[object]:
    """Return the steps of a greedy generation."""
    return list(
        generator.generate(
            prompt,
            sampling=Sampling(temperature=0.0),
            stop=frozenset(),
            max_tokens=count,
            cancel=Cancel(),
            beginning=Beginning(),
        )
    )


def main() -> None:
    """Measure both."""
    model = Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    n_tokens = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000
    with tempfile.TemporaryDirectory() as folder:
        if rounds:
            one_shots(model, rounds, Path(folder))
        if n_tokens:
            going_on(model, n_tokens, Path(folder))


if __name__ == "__main__":
    main()
