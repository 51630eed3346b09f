"""Start-up: ``gptoss --help`` and ``--version`` beside ``python -c pass``.

python -m benchmarks.startup
"""

from __future__ import annotations

import sys

from benchmarks.timing import interleaved, report, seconds_of

ROUNDS = 15


def main() -> None:
    program = [sys.executable, "-m", "gptoss_cli"]
    measures = {
        "python -c pass": seconds_of([sys.executable, "-c", "pass"]),
        "gptoss --version": seconds_of([*program, "--version"]),
        "gptoss --help": seconds_of([*program, "--help"]),
        "gptoss run --help": seconds_of([*program, "run", "--help"]),
    }
    results = interleaved(measures, ROUNDS)
    report({name: [s * 1e3 for s in values] for name, values in results.items()}, "ms", digits=0)


if __name__ == "__main__":
    main()
