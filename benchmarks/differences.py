"""How far rows of logits lie apart, and which experts were chosen for them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.routers import Choices, RoutedContext

GOAL = 0.005


@dataclass
class Differences:
    """What was found between rows of logits; printed as a few lines."""

    found: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    leads: list[float] = field(default_factory=list)
    ties: list[float] = field(default_factory=list)

    def add(
        self,
        rows: np.ndarray,
        choices: Choices,
        context: RoutedContext,
        read: Callable[[], np.ndarray],
    ) -> None:
        """Compare `rows`, for which the routers made these `choices`, with what `read` returns."""
        context.routers.held = {}
        expected = read()
        chosen = context.routers.chosen
        found = _differences(rows, expected)
        places = sorted(chosen.keys() & choices.keys())
        changed: dict[int, float] = {}  # by position, of the first layer that chose otherwise
        for position, layer in places:
            ours, theirs = choices[position, layer], chosen[position, layer]
            if not ours.is_same(theirs):
                changed.setdefault(position, min(ours.lead, theirs.lead))
        start = places[-1][0] + 1 - len(rows)
        self.found += found
        self.before += found[: max(0, min(changed, default=start + len(rows)) - start)]
        self.leads += changed.values()
        likeliest = expected[np.arange(len(rows)), rows.argmax(1)]
        behind = (expected.max(1) - likeliest) / np.ptp(expected, axis=1)
        self.ties += behind[behind > 0].tolist()
        context.routers.held = choices
        self.held += _differences(rows, read())
        context.routers.held = {}

    def show(self, name: str) -> None:
        found = np.array(self.found)
        shares = [f"{share:.2%}" for share in np.quantile(found, (0.5, 0.95, 0.99, 1))]
        equal, near = np.mean(found == 0), np.mean(found <= GOAL)
        print(f"{name}: {len(found)} rows, {equal:.1%} equal to the bit, {near:.1%} within {GOAL}")
        print(f"    median, 95 %, 99 %, most: {', '.join(shares)}")
        print(f"    most before an expert changed {max(self.before, default=0):.2%}", end="")
        print(f", with the experts held {max(self.held):.2%}")
        leads = [f"{lead:.4f}" for lead in np.quantile(self.leads or [0], (0.5, 1))]
        print(
            f"    {len(self.leads)} positions with other experts; lead there, median, most:", *leads
        )
        most = max(self.ties, default=0)
        print(f"    {len(self.ties)} other likeliest tokens, behind by at most {most:.2%}")
        sys.stdout.flush()


def _differences(rows: np.ndarray, expected: np.ndarray) -> list[float]:
    return (np.abs(rows - expected).max(1) / np.ptp(expected, axis=1)).tolist()
