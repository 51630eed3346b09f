"""Start-up: what runs no model, beside ``python -c pass`` and, if it is named, ``llm --help``; and
what a shell waits for at a Tab.

python -m benchmarks.startup [PATH_OF_LLM]

Models and conversations are those of the person who runs it; HF_HOME and XDG_DATA_HOME name others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.timing import interleaved, report, seconds_of

ROUNDS = 21
BREAKS = " \t\n\"'@><=;|&(:"


def main() -> None:
    program = [sys.executable, "-m", "gptoss_cli"]

    def tab(line: str) -> Callable[[], float]:
        return seconds_of([*program, "__complete", "bash", BREAKS, f"gptoss {line}"])

    measures = {
        "python -c pass": seconds_of([sys.executable, "-c", "pass"]),
        "gptoss --version": seconds_of([*program, "--version"]),
        "gptoss --help": seconds_of([*program, "--help"]),
        "gptoss run --help": seconds_of([*program, "run", "--help"]),
        "gptoss models ls": seconds_of([*program, "models", "ls"]),
        "Tab: a command": tab("s"),
        "Tab: an option": tab("run --e"),
        "Tab: a model": tab("run -m "),
        "Tab: a conversation": tab("sessions show "),
        "Tab: a file": tab("sessions import "),
    }
    if len(sys.argv) > 1:
        measures["llm --help"] = seconds_of([sys.argv[1], "--help"])
    results = interleaved(measures, ROUNDS)
    report({name: [s * 1e3 for s in values] for name, values in results.items()}, "ms", digits=0)


if __name__ == "__main__":
    main()
