"""How soon a stop is heard while a prompt is read: from ``Cancel.set`` to the end of generating.

python -m benchmarks.stop MODEL.gguf [TIMES]
"""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
from pathlib import Path

from benchmarks.timing import warm
from gptoss_cli.engine.base import Cancel, Generated, Sampling
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.events import FinishReason
from gptoss_cli.machine import usable_cores
from tests.support.engines import options_for

PROMPT_TOKENS = 4000
LATEST_S = 4.0


def main() -> None:
    path, times = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10
    warm(path)
    generator = LlamaTokenGenerator(options_for(path, 8192, threads=usable_cores()))
    for _ in generator.load(Cancel()):
        pass
    chosen, waited = random.Random(1), []
    for number in range(times):
        # Another first token each time, so that all is read anew.
        prompt = [number, *(chosen.randrange(199_000) for _ in range(PROMPT_TOKENS))]
        cancel, set_at = Cancel(), 0.0

        def stop(cancel: Cancel = cancel) -> None:
            nonlocal set_at
            set_at = time.perf_counter()
            cancel.set()

        timer = threading.Timer(chosen.uniform(0.1, LATEST_S), stop)
        timer.start()
        for step in generator.generate(
            prompt, sampling=Sampling(), stop=frozenset(), max_tokens=8, cancel=cancel
        ):
            if isinstance(step, Generated):
                waited.append(time.perf_counter() - set_at)
                assert step.reason is FinishReason.CANCELLED
    generator.close()
    waited.sort()
    print(f"{times} stops: median {statistics.median(waited):.3f} s, most {waited[-1]:.3f} s")


if __name__ == "__main__":
    main()
