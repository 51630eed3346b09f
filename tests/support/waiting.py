"""Waiting for something that happens elsewhere, but not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST_S = 30.0


def wait_until(
    condition: Callable[[], object], *, meanwhile: Callable[[], object] = lambda: time.sleep(0.01)
) -> None:
    """Return when `condition` holds, doing `meanwhile` between two looks."""
    until_s = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < until_s, "it never happened"
        meanwhile()
