"""What this machine has: memory and cores, as far as this process may use them."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_CGROUPS: Final = Path("/sys/fs/cgroup")
_CPUINFO: Final = Path("/proc/cpuinfo")
_OWN_CGROUPS: Final = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: ``total`` of the machine or the cgroup's limit, ``available`` without swapping."""

    total: int
    available: int


def memory() -> Memory:
    """Ask the system, and the cgroups this process is in where they set lower limits."""
    virtual = psutil.virtual_memory()
    total, available = virtual.total, virtual.available
    for folder in _cgroups("memory"):
        for limit_name, used_name, cache_key in (
            ("memory.max", "memory.current", "file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"),  # version 1
        ):
            try:
                limit = int((folder / limit_name).read_text())
                used = int((folder / used_name).read_text())
                lines = (folder / "memory.stat").read_text().splitlines()
            except (OSError, ValueError):
                continue
            # The page cache is counted as used, but gives way.
            cached = int(dict(line.split() for line in lines).get(cache_key, "0"))
            total, available = min(total, limit), min(available, max(0, limit - used + cached))
    return Memory(total, available)


def is_on_battery() -> bool:
    """Whether this machine runs on its battery now; False where that cannot be told."""
    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, RuntimeError):  # not on every system; some lack the files
        return False
    return battery is not None and battery.power_plugged is False


def has_unified_memory() -> bool:
    """Return whether the GPU of this machine computes in the host's memory: Macs of Apple's own."""
    return sys.platform == "darwin" and platform.machine() == "arm64"


def _cgroups(controller: str) -> list[Path]:
    """Return the folders of the cgroups whose limits count for this process, the innermost first.

    Those above it limit it, too (cgroups(7)). In a container the own one may seem to be the root.
    """
    try:
        lines = _OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            root = _CGROUPS
        elif controller in controllers.split(","):
            root = _CGROUPS / controller
        else:
            continue
        own = root / path.strip("/")
        folders += [own, *(parent for parent in own.parents if parent.is_relative_to(root))]
    return list(dict.fromkeys(folders))


def usable_cores() -> int:
    """Return the number of physical cores this process may use, at least 1."""
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    physical = psutil.cpu_count(logical=False) or allowed
    return max(1, min(physical, allowed, _quota_cores()))


def processor() -> str:
    """Return the processor's name, as the system tells it."""
    with contextlib.suppress(OSError):
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return " ".join(value.split())
    return platform.processor() or platform.machine()


def _quota_cores() -> int:
    """Return the cores of the least CPU quota, or a large number where there is none."""
    cores = [1 << 16]
    for folder in _cgroups("cpu"):
        with contextlib.suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            cores.append(max(1, round(int(quota) / int(period))))
    return min(cores)
