"""A model of which only the vocabulary is there: it counts, and generates nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gptoss_cli.engine.base import (
    NO_BEGINNING,
    Beginning,
    Cancel,
    Constraint,
    GenerationStep,
    Sampling,
    window_for,
)
from gptoss_cli.errors import EngineError


@dataclass(frozen=True, slots=True)
class UnloadedGenerator:
    """A ``TokenGenerator`` without weights; its windows are in tokens."""

    context_window: int
    largest_window: int

    def window_for(self, prompt_tokens: int) -> int:
        """Return the context window, in tokens, that a prompt of this length would meet."""
        return window_for(prompt_tokens, self.context_window, self.largest_window)

    def generate(
        self,
        prompt: Sequence[int],  # noqa: ARG002
        *,
        sampling: Sampling,  # noqa: ARG002
        stop: frozenset[int],  # noqa: ARG002
        max_tokens: int | None,  # noqa: ARG002
        cancel: Cancel,  # noqa: ARG002
        constraint: Constraint | None = None,  # noqa: ARG002
        beginning: Beginning = NO_BEGINNING,  # noqa: ARG002
        turn_starts: Sequence[int] = (),  # noqa: ARG002
    ) -> Iterator[GenerationStep]:
        """Raise EngineError."""
        raise EngineError("the model is not loaded.")

    def put_away(self, prompt: Sequence[int], session_id: str) -> None:
        """Do nothing."""

    def prefill(
        self,
        prompt: Sequence[int],
        *,
        cancel: Cancel,
        beginning: Beginning = NO_BEGINNING,
        turn_starts: Sequence[int] = (),
    ) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
