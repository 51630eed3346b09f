"""``gptoss bench`` beside llama-bench: the same rows, in turns.

    python -m benchmarks.bench MODEL.gguf FOLDER_WITH_llama-bench [ROUNDS PROMPT GENERATE THREADS]

Both map the weights without repacking. On a busy machine one thread tells more: several wait for
each other at every node of the graph.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import as_installed, warm
from gptoss_cli.machine import usable_cores

REPETITIONS = "3"


def ours(model: Path, sizes: tuple[str, str], threads: str) -> dict[str, float]:
    command = [
        *(sys.executable, "-m", "gptoss_cli", "bench", "-m", str(model), "--json"),
        *("-p", sizes[0], "-n", sizes[1], "-r", REPETITIONS, "--threads", threads),
    ]
    done = subprocess.run(command, env=as_installed(), capture_output=True, text=True, check=True)
    results = json.loads(done.stdout)["results"]
    return {result["name"]: result["mean"] for result in results}


def theirs(model: Path, programs: Path, sizes: tuple[str, str], threads: str) -> dict[str, float]:
    command = [
        *(str(programs / "llama-bench"), "-m", str(model), "-o", "json", "--repack", "0"),
        *("-p", sizes[0], "-n", sizes[1], "-r", REPETITIONS, "-t", threads),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    reading, writing = json.loads(done.stdout)
    return {f"pp{sizes[0]}": reading["avg_ts"], f"tg{sizes[1]}": writing["avg_ts"]}


def main() -> None:
    model, programs = Path(sys.argv[1]), Path(sys.argv[2])
    usual = ("3", "512", "128", str(usable_cores()))
    rounds, prompt, generate, threads = [*sys.argv[3:], *usual[len(sys.argv) - 3 :]]
    pairs = []
    for number in range(int(rounds)):
        warm(model)
        mine = ours(model, (prompt, generate), threads)
        other = theirs(model, programs, (prompt, generate), threads)
        pairs.append((mine, other))
        print(f"round {number + 1}: gptoss {mine}, llama-bench {other}", flush=True)
    for name in pairs[0][1]:
        ratios = sorted(mine[name] / other[name] for mine, other in pairs)
        print(f"{name}: {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")


if __name__ == "__main__":
    main()
