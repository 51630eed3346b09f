"""From the start of the process to one generated token, warm page cache, beside llama-cli.

    python -m benchmarks.first_token MODEL.gguf FOLDER_WITH_llama-cli [ROUNDS]

Whole processes that generate one token and end: what a person waits for, and a little more. Ours
runs as on the first run of a day, which reads all of the prompt, and as on the second.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.timing import Measure, interleaved, report, seconds_of, warm


def main() -> None:
    model, programs = Path(sys.argv[1]), Path(sys.argv[2])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    llama_cli = [
        str(programs / "llama-cli"),
        *("-m", str(model), "-p", "Hello world", "-n", "1", "-c", "8192", "-t", "2", "-st"),
    ]
    gptoss = [
        *(sys.executable, "-m", "gptoss_cli", "run", "-m", str(model)),
        *("--max-tokens", "1", "--threads", "2", "Hello world"),
    ]

    def after_warming(command: Sequence[str], **variables: str) -> Measure:
        timed = seconds_of(command, **variables)

        def measure() -> float:
            warm(model)
            return timed()

        return measure

    with tempfile.TemporaryDirectory() as folder:
        second = after_warming(gptoss, XDG_CACHE_HOME=folder)
        second()
        results = interleaved(
            {
                "llama-cli": after_warming(llama_cli),
                "llama-cli --no-repack": after_warming([*llama_cli, "--no-repack"]),
                "gptoss run, first of the day": after_warming([*gptoss, "--no-cache"]),
                "gptoss run, second of the day": second,
            },
            rounds,
        )
    report(results, "s")


if __name__ == "__main__":
    main()
