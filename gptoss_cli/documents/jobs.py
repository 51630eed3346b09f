"""What a child process is to do, and what it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may cost in the child; memory counts where the platform can limit it."""

    time_s: float = 60.0
    memory_bytes: int = 2 << 30


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the child is to do with its standard input.

    That is the file ``name``, or, if ``is_address``, holds an address, whose name for people is
    ``name``. ``local`` is the encoding of the locale.
    """

    name: str
    is_address: bool
    local: str
    limits: Limits
