"""How a prompt is cut into pieces and decoded, now or ahead of the question that will end it.

Decoding stops between two pieces, on a CPU also inside one (``Cancel``). Where a question begins,
a checkpoint is taken: from there the conversation can go on differently. What prompts begin with
is decoded in the same pieces by whoever comes to it, so that its cells are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from gptoss_cli.engine.base import NO_BEGINNING, Beginning
from gptoss_cli.engine.reuse import ends_of

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.engine.context import LlamaContext
    from gptoss_cli.engine.reuse import Reuse

# Small enough to stop within 50 ms, also on a machine that has more to do: eight at a time did not
# always (benchmarks/RESULTS.md). A token costs no more than in pieces of six.
_IDLE_PIECE_TOKENS: Final = 4
_IDLE_GPU_PIECE_TOKENS: Final = 64
# Small pieces are slower: nobody shall wait longer today to wait less after an /undo.
_LEAST_BETWEEN_TOKENS: Final = 64


def decode_prompt(
    context: LlamaContext,
    reuse: Reuse,
    prompt: Sequence[int],
    *,
    is_stopped: Callable[[], bool],
    beginning: Beginning = NO_BEGINNING,
    turn_starts: Sequence[int] = (),
    piece_tokens: int = 0,
    logits: bool = True,
    report: Callable[[int], None] = lambda _done: None,
) -> bool:
    """Decode what the cache lacks of `prompt`, which it holds a part of and nothing else; whether
    that came to the end. On the thread of the open `context`.

    `piece_tokens` between two looks at `is_stopped`; 0: as many as are fastest. `report` gets the
    number of tokens that are there, after each piece. `logits`: those of the last one are wanted.
    """
    kv = context.kv
    context.reserve(len(prompt))  # at once, while there is least to lay anew
    start, size = len(kv.tokens), piece_tokens or context.piece_tokens
    passed = max((end for end in ends_of(beginning) if end <= start), default=0)
    # Another prompt that shared some of these tokens may have been cut elsewhere.
    is_exact = (start - passed) % size == 0
    ends = [end for end in ends_of(beginning) if end > start]
    cuts = worth_a_cut(turn_starts, start)
    while start < len(prompt):
        if is_stopped():
            return False
        size = piece_tokens or context.piece_tokens
        end = piece_end(start, size, min(cut for cut in (*ends, *cuts, len(prompt)) if cut > start))
        if not context.decode(prompt[start:end], logits=logits and end == len(prompt)):
            return False
        if end in ends:
            ends.remove(end)
            reuse.begun(kv, may_be_kept=is_exact and end <= beginning.keepable_tokens)
        if end in cuts and end == len(kv.tokens):
            kv.checkpoint()
        start = len(kv.tokens)
        report(start)
    return True


def read_beginning(
    context: LlamaContext,
    reuse: Reuse,
    prompt: Sequence[int],
    beginning: Beginning,
    cancel: Cancel,
    halt: Cancel,
) -> bool:
    """Take what a disk holds of `prompt`, and decode its `beginning` in idle time; whether all of
    that is there.

    `cancel` stops it between two pieces, as they may be large; `halt` inside one, too.
    """
    kv = context.kv
    # What is kept of a longer prompt is wanted: at least one token of that is to follow.
    reuse.fetch(context, [*prompt, prompt[-1]], beginning)
    first = prompt[: max(ends_of(beginning), default=0)]
    if not first or kv.holds(first):
        return True
    context.obey(halt)
    kv.rewind(first)
    return decode_prompt(
        context,
        reuse,
        first,
        beginning=beginning,
        is_stopped=lambda: cancel.is_set() or halt.is_set(),
        logits=False,
    )


def read_ahead(
    context: LlamaContext,
    reuse: Reuse,
    prompt: Sequence[int],
    turn_starts: Sequence[int],
    cancel: Cancel,
    halt: Cancel,
) -> None:
    """Decode `prompt`, behind which a later one will go on, as far as `cancel` and `halt` let it,
    in small pieces.
    """
    kv = context.kv
    if kv.holds(prompt):
        return

    def is_stopped() -> bool:
        context.synchronize()  # a GPU is told of more than it has done
        return cancel.is_set() or halt.is_set()

    context.obey(cancel)
    kv.rewind(prompt)
    size = _IDLE_GPU_PIECE_TOKENS if context.is_on_gpu else _IDLE_PIECE_TOKENS
    if decode_prompt(
        context,
        reuse,
        prompt,
        turn_starts=turn_starts,
        piece_tokens=size,
        is_stopped=is_stopped,
        logits=False,
    ):
        kv.checkpoint()


def piece_end(start: int, size: int, cut: int) -> int:
    """Return where a piece of at most `size` tokens ends that starts at `start`, `cut` at the last.

    None of one token is left before `cut`: llama.cpp multiplies one row in another order than
    several, and a prompt shall be the same to the bit however it is cut.
    """
    end = min(start + size, cut)
    return end - 1 if end == cut - 1 and end > start + 1 else end


def worth_a_cut(turn_starts: Sequence[int], start: int) -> list[int]:
    """Return those of `turn_starts` behind `start` at which a prompt is cut: the last, and before
    it those that lie apart. In tokens.
    """
    cuts: list[int] = []
    for cut in reversed(turn_starts):
        if cut > start and (not cuts or cuts[-1] - cut >= _LEAST_BETWEEN_TOKENS):
            cuts.append(cut)
    return cuts
