"""How a prompt is cut into pieces, and how it is read ahead of the question that will end it.

Decoding stops between two pieces, on a CPU also inside one (``Cancel``). Where a question begins,
a checkpoint is taken: from there the conversation can go on differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.engine.context import LlamaContext

# Small enough to stop within 50 ms, a tenth slower than large ones (benchmarks/RESULTS.md).
_IDLE_PIECE_TOKENS: Final = 8
_IDLE_GPU_PIECE_TOKENS: Final = 64
# Small pieces are slower: nobody shall wait longer today to wait less after an /undo.
_LEAST_BETWEEN_TOKENS: Final = 64


def read_ahead(
    context: LlamaContext,
    prompt: Sequence[int],
    turn_starts: Sequence[int],
    cancel: Cancel,
) -> None:
    """Decode `prompt`, behind which a later one will go on, as far as `cancel` lets it.

    On the thread of the open `context`.
    """
    kv = context.kv
    if kv.holds(prompt):
        return
    context.obey(cancel)
    size = _IDLE_GPU_PIECE_TOKENS if context.is_on_gpu else _IDLE_PIECE_TOKENS
    start = kv.rewind(prompt)
    cuts = worth_a_cut(turn_starts, start)
    for end in piece_ends(start, len(prompt), size, cuts):
        if cancel.is_set() or not context.decode(prompt[start:end], logits=False):
            return
        context.synchronize()
        start = end
        if end in cuts:
            kv.checkpoint()
    kv.checkpoint()


def worth_a_cut(turn_starts: Sequence[int], start: int) -> list[int]:
    """Return those of `turn_starts` behind `start` at which a prompt is cut: the last, and before
    it those that lie apart. In tokens.
    """
    cuts: list[int] = []
    for cut in reversed(turn_starts):
        if cut > start and (not cuts or cuts[-1] - cut >= _LEAST_BETWEEN_TOKENS):
            cuts.append(cut)
    return cuts


def piece_ends(start: int, end: int, size: int, cuts: Sequence[int]) -> Iterator[int]:
    """Yield where each piece of a prompt ends: after `size` tokens, or before that at a cut."""
    stops = sorted({*cuts, end})
    for stop in stops:
        while start < stop:
            start = min(start + size, stop)
            yield start
