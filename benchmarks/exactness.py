"""How far logits lie from those of a fresh prefill, and why.

    python -m benchmarks.exactness [CONVERSATIONS] [MODEL.gguf TOKENS]

First the program with undo, questions asked again, tools, interruptions and restarts from the disk:
each token of each answer, against an empty cache that reads prompt and answer. Then llama.cpp by
itself: the same tokens in batches of other sizes, as the program has them and with the fused
attention that llama.cpp would take. The embedded model holds CONVERSATIONS (100); MODEL is given
random TOKENS instead. A difference is the largest of a row, in parts of its range.

On a CPU the fused attention has two kernels: below 64 tokens a batch it sums in 16 bits, from 64 on
in 32. That is one part of its differences; routers that are so close to a tie that this decides
them are the other. The latter is shown by a second reading that is made to choose the experts of
the first. Without it, batches of any size but one are the same to the bit.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.attention import Fused
from benchmarks.differences import Differences
from benchmarks.routers import Choices, RoutedContext
from gptoss_cli.engine.base import Cancel
from gptoss_cli.engine.kv_file import Origin
from gptoss_cli.engine.kv_store import KVStore
from gptoss_cli.models.registry import DEMO_FILE
from tests.support.conversations import RandomConversation
from tests.support.engines import options_for

TURNS = 8
WINDOW = 4096
EXCHANGES, WRITTEN_TOKENS = 3, 12
MOST_TEXTS = 20
BEGINNING = 96  # tokens that may come from a disk, so that nobody saw which experts they got


class FusedContext(Fused, RoutedContext):
    """As llama.cpp computes by itself, with routers that are seen."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Tokens of a prompt and its answer, which of them were decoded one by one, and the logits
    behind the prompt and each token.
    """

    tokens: list[int]
    n_prompt: int
    alone: list[bool]
    rows: np.ndarray
    choices: Choices


def opened(path: Path, kind: type[RoutedContext]) -> RoutedContext:
    """Return an empty context of the model."""
    context = kind(options_for(path, WINDOW))
    context.load(lambda _: None, Cancel())
    context.open(WINDOW)
    return context


def by_itself(
    name: str, context: RoutedContext, texts: list[list[int]], sizes: tuple[int, ...]
) -> None:
    """Print what other sizes of batches change in llama.cpp by itself."""
    usual = context.piece_tokens
    for size in sizes:
        differences = Differences()
        for tokens in texts:
            context.routers.held = {}
            rows, choices = context.bare(tokens, size), context.routers.chosen
            differences.add(rows, choices, context, partial(context.bare, tokens, usual))
        differences.show(f"{name}, batches of {size} beside {usual}")


def chats(count: int) -> Iterator[Answer]:
    """Yield the answers of so many random conversations."""
    for seed in range(count):
        known: Choices = {}  # also what was chosen before the program was started again
        with tempfile.TemporaryDirectory() as folder:
            conversation = RandomConversation(seed, Path(folder), RoutedContext)
            for tokens, n_prompt, rows, alone in conversation.answers(TURNS):
                known |= conversation.context.routers.chosen
                now = {p: known[p] for p in known if BEGINNING <= p[0] < len(tokens)}
                yield Answer(tokens, n_prompt, alone, rows, now)
            conversation.close()


def exchanged(context: RoutedContext, n_tokens: int) -> Iterator[Answer]:
    """Yield answers to random prompts, before each of which the cache is gone back in."""
    chance, prompt = np.random.default_rng(1), list[int]()
    piece = context.piece_tokens
    for _ in range(EXCHANGES):
        prompt = prompt[: len(prompt) * 3 // 4] + chance.integers(0, 100_000, n_tokens).tolist()
        start = context.kv.rewind(prompt)
        for first in range(start, len(prompt), piece):
            end = min(first + piece, len(prompt))
            context.decode(prompt[first:end], logits=end == len(prompt))
        context.kv.checkpoint()
        del context.rows[:-1]
        for _ in range(WRITTEN_TOKENS):
            context.decode([int(context.rows[-1].argmax())], logits=True)
        choices = {p: c for p, c in context.routers.chosen.items() if p[0] < len(context.kv.tokens)}
        tokens, alone = list(context.kv.tokens), list(context.alone)
        yield Answer(tokens, len(prompt), alone, np.array(context.rows), choices)


def from_the_disk(memory: RoutedContext, other: RoutedContext, texts: list[list[int]]) -> None:
    """Print whether what was written to a disk and read again is the same, and goes on the same."""
    states = logits = 0
    with tempfile.TemporaryDirectory() as folder:
        store = KVStore(Path(folder), 1 << 30)
        for number, tokens in enumerate(texts):
            half, key = len(tokens) // 2, f"{number:020}"
            memory.fresh(tokens[:half], half, [False] * half)
            kept = memory.kv.export(0)
            assert kept is not None
            assert store.keep(Origin(key, "m", "s"), kept)
            found = store.longest(key, tokens)
            state = store.load(key, found) if found is not None else None
            assert state is not None
            assert other.kv.take_in(state)
            again = other.kv.export(0)
            states += again is not None and bytes(again.state.content) == bytes(kept.state.content)
            for context in (memory, other):
                context.decode(tokens[half : half + context.piece_tokens], logits=True)
            logits += np.array_equal(memory.rows[-1], other.rows[-1])
    print(
        f"from the disk: {states} of {len(texts)} states the same bytes, {logits} go on to the bit"
    )


def beside_fresh(name: str, context: RoutedContext, answers: Iterator[Answer]) -> list[list[int]]:
    """Print what all answers are beside those of an empty cache; return some of their tokens."""
    differences, texts = Differences(), []
    for answer in answers:
        tokens, n_prompt = answer.tokens, answer.n_prompt
        read = partial(context.fresh, tokens, n_prompt, answer.alone)
        differences.add(answer.rows, answer.choices, context, read)
        texts.append(tokens)
    differences.show(name)
    return texts[TURNS - 1 :: TURNS] or texts


def main() -> None:
    """Measure the program, the disk and llama.cpp by itself."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    has_model = len(sys.argv) > 2
    path = Path(sys.argv[2]) if has_model else DEMO_FILE
    context, other = opened(path, RoutedContext), opened(path, RoutedContext)
    if has_model:
        n_tokens = int(sys.argv[3])
        beside_fresh("gone back in", other, exchanged(context, n_tokens))
        texts = [np.random.default_rng(2).integers(0, 100_000, n_tokens).tolist()]
    else:
        texts = beside_fresh("the program", other, chats(count))[:MOST_TEXTS]
    from_the_disk(context, other, texts)
    by_itself("llama.cpp as the program has it", other, texts, (63, 32, 2, 1))
    other.close()
    by_itself("fused attention", opened(path, FusedContext), texts, (64, 63, 1))


if __name__ == "__main__":
    main()
