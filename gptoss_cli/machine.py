"""What this machine has: memory and cores, as far as this process may use them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_CGROUP: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: ``total`` of the machine or the cgroup's limit, ``available`` without swapping."""

    total: int
    available: int


def memory() -> Memory:
    """Ask the system, and the cgroup where it sets a lower limit."""
    virtual = psutil.virtual_memory()
    total, available = virtual.total, virtual.available
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        statistics = (_CGROUP / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return Memory(total, available)
    # The page cache is counted as used, but gives way.
    cached = int(dict(line.split() for line in statistics).get("file", "0"))
    return Memory(min(total, limit), min(available, limit - used + cached))


def usable_cores() -> int:
    """Return the number of physical cores this process may use, at least 1."""
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    physical = psutil.cpu_count(logical=False) or allowed
    return max(1, min(physical, allowed, _quota_cores()))


def _quota_cores() -> int:
    """Return the cores of the cgroup's CPU quota, or a large number where there is none."""
    try:
        quota, period = (_CGROUP / "cpu.max").read_text().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return 1 << 16
