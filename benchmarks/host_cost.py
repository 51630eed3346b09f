"""Host cost per token: everything of the token loop that is not ``llama_decode``.

    python -m benchmarks.host_cost MODEL.gguf

MODEL should be small and have the full vocabulary of 201,088 entries. The engine runs as in the
program, worker thread and consumer included; ``llama_decode`` is timed inside it and subtracted.
Also measured is what the worker's thread itself takes, on whatever else runs here, and how many
tokens arrive at the other thread while the next one is computed.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from gptoss_cli.engine import bindings
from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.engine.llama import LlamaTokenGenerator
from tests.support.engines import options_for

TOKENS = 400
ROUNDS = 7
SETTINGS = {
    "temperature 1, top_p 1, top_k 0": Sampling(seed=1),
    "top_k 40": Sampling(top_k=40, seed=1),
    "top_p 0.9": Sampling(top_p=0.9, seed=1),
    "greedy": Sampling(temperature=0.0),
}


class TimedDecode:
    """llama_cpp's module with a stopwatch around ``llama_decode``."""

    def __init__(self, library: object) -> None:
        self._library = library
        self.seconds = 0.0
        self.spans: list[tuple[float, float]] = []
        self.host_cpu: list[float] = []
        self._cpu: float | None = None

    def restart(self) -> None:
        self.seconds = 0.0
        self.spans, self.host_cpu, self._cpu = [], [], None

    def __getattr__(self, name: str) -> object:
        return getattr(self._library, name)

    def llama_decode(self, context: object, batch: object) -> int:
        if self._cpu is not None:
            self.host_cpu.append(time.thread_time() - self._cpu)
        started = time.perf_counter()
        code = self._library.llama_decode(context, batch)
        ended = time.perf_counter()
        self._cpu = time.thread_time()
        self.seconds += ended - started
        self.spans.append((started, ended))
        return code


def main() -> None:
    path = Path(sys.argv[1])
    timed = TimedDecode(bindings.load_library())
    bindings._library = timed  # noqa: SLF001 - the stopwatch must be inside the engine
    generator = LlamaTokenGenerator(options_for(path, 2048))
    results: dict[str, list[float]] = {name: [] for name in SETTINGS}
    cpu_ms: dict[str, list[float]] = {name: [] for name in SETTINGS}
    decode_ms, in_time, late = [], [], 0
    for _ in range(ROUNDS):
        for name, sampling in SETTINGS.items():
            arrived = []
            for step in generator.generate(
                [1, 2, 3], sampling=sampling, stop=frozenset(), max_tokens=TOKENS, cancel=Cancel()
            ):
                if isinstance(step, int):
                    arrived.append(time.perf_counter())
                    if len(arrived) == 1:
                        timed.restart()
            loop_ms = (arrived[-1] - arrived[0]) / (len(arrived) - 1) * 1e3
            per_decode = timed.seconds / (len(arrived) - 1) * 1e3
            results[name].append(loop_ms - per_decode)
            decode_ms.append(per_decode)
            cpu_ms[name].append(statistics.median(timed.host_cpu) * 1e3)
            # How long into the decode behind it was a token heard? The last one has none.
            for came, (began, ended) in zip(
                arrived[-1 - len(timed.spans) :], timed.spans, strict=False
            ):
                in_time.append((came - began) * 1e3)
                late += came > ended
    generator.close()
    print(f"llama_decode alone: {statistics.median(decode_ms):.2f} ms per token")
    for name, values in results.items():
        print(
            f"{name:34} {statistics.median(values):.3f} ms host cost (min {min(values):.3f}), "
            f"{statistics.median(cpu_ms[name]):.3f} ms of the thread (min {min(cpu_ms[name]):.3f})"
        )
    print(
        f"a token is heard {statistics.median(in_time):.2f} ms after the next decode begins, "
        f"{1 - late / len(in_time):.1%} before it ends"
    )


if __name__ == "__main__":
    main()
