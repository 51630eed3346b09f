"""Many answers at once: beside a loop of one-shots, and by how many are decoded together.

    python -m benchmarks.batch                      # 200 sums on the embedded model, both ways
    python -m benchmarks.batch MODEL.gguf [ROUNDS]  # tokens per second by --parallel, greedy

The loop is 20 one-shots, ten times which is 200. The second form gives each sequence a short prompt
and a fixed number of tokens; what counts is the time between its first and its last.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.timing import Measure, as_installed, interleaved, report, seconds_of, warm
from gptoss_cli.engine.base import Generated, Sampling
from gptoss_cli.engine.batch import BatchGenerator, BatchRequest
from gptoss_cli.engine.context import LlamaOptions
from gptoss_cli.engine.placement import place
from gptoss_cli.events import LoadProgress
from gptoss_cli.models.weights import open_model

LINES, ONE_SHOTS = 200, 20
TOGETHER = (1, 2, 4, 8)
PROMPT_TOKENS, ANSWER_TOKENS, WINDOW = 4, 16, 1024
PROGRAM = (sys.executable, "-m", "gptoss_cli")
GREEDY = ("-m", "demo", "--temperature", "0")


def one_shots() -> float:
    times = [seconds_of([*PROGRAM, "run", *GREEDY, f"{i} + {3 * i}"])() for i in range(ONE_SHOTS)]
    return sum(times) / ONE_SHOTS * LINES


def beside_one_shots(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "sums.txt"
        source.write_text("".join(f"{i} + {3 * i}\n" for i in range(LINES)))
        measures: dict[str, Measure] = {"loop of one-shots": one_shots}
        for count in TOGETHER:
            command = [*PROGRAM, "batch", *GREEDY, "--parallel", str(count), str(source)]
            measures[f"batch --parallel {count}"] = seconds_of(command)
        report(interleaved(measures, rounds), "s", digits=1)


def decode_tps(model: Path, together: int) -> float:
    """Return the tokens per second that so many sequences get, all of them counted."""
    file = open_model(model).file
    threads = place(
        weights_bytes=file.total_bytes,
        expert_bytes=file.expert_bytes,
        working_bytes=0,
        layers=file.shape.layers,
        threads=None,
        repack=False,
    ).threads
    options = LlamaOptions(
        paths=file.parts,
        context_window=WINDOW,
        largest_window=WINDOW,
        vocabulary_size=file.vocabulary_size,
        threads=threads,
    )
    generator = BatchGenerator(options, parallel=together)
    random = np.random.default_rng(0)
    for key in range(together):
        request = BatchRequest(
            key=key,
            prompt=tuple(random.integers(0, 200, PROMPT_TOKENS).tolist()),
            prefix_tokens=0,
            sampling=Sampling(temperature=0.0),
            stop=frozenset(),
            max_tokens=ANSWER_TOKENS,
        )
        generator.submit(request)
    decode_s = statistics.mean(end.decode_s for end in ends(generator, together))
    generator.close()
    return together * (ANSWER_TOKENS - 1) / decode_s


def ends(generator: BatchGenerator, count: int) -> Iterator[Generated]:
    while count:
        for step in generator.poll():
            if not isinstance(step, LoadProgress) and isinstance(step[1], Generated):
                count -= 1
                yield step[1]


def by_parallel(model: Path, rounds: int) -> None:
    def measure(count: int) -> Measure:
        # A process each: what the one before has left in memory would be part of the figure.
        command = [sys.executable, "-m", "benchmarks.batch", str(model), "--one", str(count)]
        return lambda: float(subprocess.check_output(command, env=as_installed()))

    warm(model)
    measures = {f"{count} together": measure(count) for count in TOGETHER}
    report(interleaved(measures, rounds), "tokens/s")


def main() -> None:
    match sys.argv[1:]:
        case [model, "--one", count]:
            print(decode_tps(Path(model), int(count)))
        case [model, *rounds] if Path(model).is_file():
            by_parallel(Path(model), int(rounds[0]) if rounds else 3)
        case rounds:
            beside_one_shots(int(rounds[0]) if rounds else 3)


if __name__ == "__main__":
    main()
