"""What fused attention costs and gains on a CPU, beside scores that are held in memory.

    python -m benchmarks.attention MODEL.gguf DEPTH[,DEPTH...] [THREADS]

Two contexts of one model, one as the program opens it, one with the attention that llama.cpp takes
by itself, read the same tokens up to each DEPTH in turns, and write some there. Speed does not
depend on the values of weights. A model with the heads of the 20b and nothing else of its size
shows attention alone, and comes to large depths in minutes.
"""

from __future__ import annotations

import dataclasses
import random
import re
import statistics
import sys
import time
from pathlib import Path

from gptoss_cli.engine.base import Cancel
from gptoss_cli.engine.context import LlamaContext
from tests.support.engines import options_for

WRITTEN_TOKENS = 8


class Fused(LlamaContext):
    """As llama.cpp computes by itself."""

    def _fuses(self, window: int) -> bool:  # noqa: ARG002
        return True


KINDS = {"scores": LlamaContext, "fused": Fused}


def private_bytes() -> int:
    """Return what this process has of memory that is no file's (Linux)."""
    status = Path("/proc/self/status").read_text()
    match = re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0


def opened(path: Path, kind: type[LlamaContext], window: int, threads: int) -> LlamaContext:
    """Return an empty context of the model."""
    context = kind(dataclasses.replace(options_for(path, window), threads=threads))
    context.load(lambda _: None, Cancel())
    context.open(window)
    return context


def read(context: LlamaContext, tokens: list[int]) -> float:
    """Return the seconds it takes to decode one piece."""
    began = time.perf_counter()
    context.decode(tokens, logits=False)
    return time.perf_counter() - began


def write(context: LlamaContext) -> float:
    """Return the seconds a token takes behind what is there, which stays as it is."""
    depth, took = len(context.kv.tokens), []
    context.kv.checkpoint()
    for token in range(WRITTEN_TOKENS):
        began = time.perf_counter()
        context.decode([token], logits=True)
        took.append(time.perf_counter() - began)
    context.kv.rewind([*context.kv.tokens[:depth], 0])
    return statistics.median(took)


def main() -> None:
    """Print both, at each depth."""
    path, depths = Path(sys.argv[1]), [int(depth) for depth in sys.argv[2].split(",")]
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    window, contexts = max(depths) + 256, {}
    for name, kind in KINDS.items():
        before = private_bytes()
        contexts[name] = opened(path, kind, window, threads)
        print(f"{name}: {(private_bytes() - before) / 1e6:,.0f} MB for a window of {window:,}")
    chance = random.Random(1)
    for depth in depths:
        took: dict[str, list[float]] = {name: [] for name in contexts}
        grown = dict.fromkeys(contexts, 0)
        while len(contexts["scores"].kv.tokens) < depth:
            piece = [chance.randrange(256) for _ in range(128)]
            for name, context in contexts.items():
                before, size = private_bytes(), context.piece_tokens
                parts = [piece[start : start + size] for start in range(0, len(piece), size)]
                took[name].append(sum(read(context, part) for part in parts) / len(piece))
                grown[name] += private_bytes() - before
        for name, context in contexts.items():
            print(
                f"depth {depth:,}, {name}: {statistics.median(took[name][-4:]) * 1e3:.1f} ms "
                f"to read a token, {write(context) * 1e3:.1f} ms to write one, "
                f"{grown[name] / 1e6:,.0f} MB more",
                flush=True,
            )


if __name__ == "__main__":
    main()
