"""What making a context takes, and what growing takes behind so many tokens.

    python -m benchmarks.growing MODEL.gguf [WINDOW] [ROUNDS]

A model with the heads of the 20b, and nothing else of its size, has cells as large and fills them
sooner.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gptoss_cli.engine.base import Cancel
from gptoss_cli.engine.context import LlamaContext
from tests.support.engines import options_for

STEPS = (512, 2_048, 8_192)


def seconds(function: Callable[[], object]) -> float:
    """Return how long `function` takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def main() -> None:
    """Print the median and the most of each step."""
    path, window = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 8_192
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    steps = [step for step in STEPS if step < window]
    took: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, expected in (("made with 512 cells", 0), ("made with all cells", window)):
            context = LlamaContext(options_for(path, window, threads=2))
            context.load(lambda _: None, Cancel())
            made = seconds(lambda: context.open(window, expected=expected))  # noqa: B023
            took.setdefault(name, []).append(made)
            for step in steps if not expected else ():
                while len(context.kv.tokens) < step:
                    size = min(context.piece_tokens, step - len(context.kv.tokens))
                    context.decode([1] * size, logits=False)
                grown = seconds(lambda: context.reserve(step + 1))  # noqa: B023
                took.setdefault(f"grown behind {step:,} tokens", []).append(grown)
            context.close()
    for name, values in took.items():
        print(f"{name}: {statistics.median(values):.3f} s ({max(values):.3f} at most)")


if __name__ == "__main__":
    main()
