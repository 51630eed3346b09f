"""What is measured, how often, and what came out."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Final

LOAD: Final = "load"
HOST_COST: Final = "host cost"
NEXT_TURN: Final = "next turn"
ONE_SHOT: Final = "one-shot"
SECONDS: Final = "s"
MILLISECONDS: Final = "ms"
RATE: Final = "tokens/s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure, in tokens as llama-bench counts them; 0 leaves a test out.

    ``is_quick``: sizes shrink to what fits a few seconds.
    """

    prompt_tokens: int = 512
    generated_tokens: int = 128
    depth_tokens: int = 0
    repetitions: int = 5
    is_quick: bool = False

    @property
    def window_tokens(self) -> int:
        """The least window that all of it needs."""
        return self.depth_tokens + max(self.prompt_tokens, self.generated_tokens) + 1

    def reading(self, count: int) -> str:
        """Return the name of reading `count` tokens, as llama-bench prints it."""
        return self._at_depth(f"pp{count}")

    def writing(self, count: int) -> str:
        """Return the name of writing `count` tokens, as llama-bench prints it."""
        return self._at_depth(f"tg{count}")

    def _at_depth(self, name: str) -> str:
        return f"{name} @ d{self.depth_tokens}" if self.depth_tokens else name


@dataclass(frozen=True, slots=True)
class Result:
    """The ``samples`` of one test, at least one, in ``unit``."""

    name: str
    unit: str
    samples: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean of the samples."""
        return statistics.fmean(self.samples)

    @property
    def deviation(self) -> float:
        """The standard deviation of what the samples are drawn from; 0.0 of a single one."""
        return statistics.stdev(self.samples) if len(self.samples) > 1 else 0.0


@dataclass(slots=True)
class Results:
    """What was measured so far, in the order of measuring; what ``left_out`` names was not."""

    done: list[Result] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, samples: list[float]) -> None:
        """Keep the samples of a test, or note that it has none."""
        if samples:
            self.done.append(Result(name, unit, tuple(samples)))
        else:
            self.left_out.append(name)
