"""Interleaved runs and their medians, and a page cache that is really warm."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Measure = Callable[[], float]


def interleaved(measures: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """Run every measure once a round, so that a drifting machine drifts for all of them."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            results[name].append(measure())
    return results


def report(results: Mapping[str, Sequence[float]], unit: str, *, digits: int = 2) -> None:
    """Print median, least and most of each, and the median's ratio to the first."""
    width = max(map(len, results))
    base = statistics.median(next(iter(results.values())))
    for name, values in results.items():
        middle = statistics.median(values)
        print(
            f"{name:{width}}  {middle:9.{digits}f} {unit}  "
            f"({min(values):.{digits}f} to {max(values):.{digits}f})  x{middle / base:.3f}"
        )


def as_installed() -> dict[str, str]:
    """Return the environment of a user, whose modules are compiled once and not at every start."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def seconds_of(command: Sequence[str], **variables: str) -> Measure:
    """Return a measure of the wall time of `command`, start to end, output thrown away."""

    def measure() -> float:
        started = time.perf_counter()
        subprocess.run(
            command,
            env=as_installed() | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return time.perf_counter() - started

    return measure


def warm(path: Path) -> None:
    """Read the file: some systems push idle pages out within minutes."""
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(16 << 20)
        while file.readinto(buffer):
            pass
