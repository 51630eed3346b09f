"""Going back in the KV cache must not change what the model computes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gptoss_cli.engine.base import Cancel
from gptoss_cli.engine.context import LlamaContext, LlamaOptions
from gptoss_cli.engine.kv import common_prefix
from tests.support.random_model import WINDOW

# The logits span about 5.5. Decoding the same tokens in other batches, or with other cells of the
# cache in use, moves them by 0.04 to 0.25 in a model of random weights; a window with a missing
# part by 3 to 4.
ROUNDING = 0.5


def open_context(path: Path) -> LlamaContext:
    context = LlamaContext(
        LlamaOptions(
            paths=(path,),
            context_window=2048,
            largest_window=2048,
            vocabulary_size=266,
            threads=1,
        )
    )
    context.load(lambda _fraction: None, Cancel())
    context.open(2048)
    return context


@pytest.fixture
def context(random_model: Path) -> Iterator[LlamaContext]:
    context = open_context(random_model)
    yield context
    context.close()


@pytest.fixture
def fresh(random_model: Path) -> Iterator[LlamaContext]:
    context = open_context(random_model)
    yield context
    context.close()


def tokens(count: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(0, 256, count).tolist()


def feed(context: LlamaContext, *batches: list[int]) -> np.ndarray:
    """Decode each batch by itself, since other batches round differently."""
    for ids in batches:
        for start in range(0, len(ids), context.ubatch_tokens):
            assert context.decode(ids[start : start + context.ubatch_tokens], logits=True)
    return context.logits().copy()


def generate(context: LlamaContext, count: int, seed: int) -> None:
    for token in tokens(count, seed):
        assert context.decode([token], logits=True)


def prefill(context: LlamaContext, prompt: list[int]) -> tuple[int, np.ndarray]:
    kept = context.kv.rewind(prompt)
    logits = feed(context, prompt[kept:])
    context.kv.checkpoint()
    return kept, logits


def feed_anew(context: LlamaContext, prompt: list[int]) -> np.ndarray:
    context.kv.clear()
    return feed(context, prompt)


def test_next_turn_after_a_long_answer_computes_what_a_fresh_prompt_does(context, fresh):
    history, following = tokens(300, 1), tokens(4, 2)
    prefill(context, history)
    generate(context, 800, 3)  # leaves the window of the history far behind
    kept, logits = prefill(context, history + following)
    assert kept == len(history)
    expected = feed(fresh, history, following)
    assert np.abs(logits - expected).max() < ROUNDING


def test_going_back_without_the_checkpoint_corrupts_silently(context, fresh):
    """Why the guard exists: llama.cpp reports success here, and computes something else."""
    history, following = tokens(300, 1), tokens(4, 2)
    feed(context, history)
    generate(context, 800, 3)
    assert not context.kv.window_reaches(len(history))
    assert context._library.llama_memory_seq_rm(context.kv._memory, 0, len(history), -1)
    del context.kv.tokens[len(history) :]
    corrupted = feed(context, following)
    expected = feed(fresh, history, following)
    assert np.abs(corrupted - expected).max() > 2


def test_same_prompt_again_decodes_only_its_last_token(context, fresh):
    prompt = tokens(200, 4)
    prefill(context, prompt)
    generate(context, 700, 5)
    kept, logits = prefill(context, prompt)
    assert kept == len(prompt) - 1
    feed(fresh, prompt)
    assert fresh.kv.rewind(prompt) == kept
    assert np.abs(logits - feed(fresh, prompt[-1:])).max() < ROUNDING


def test_a_checkpoint_is_exact_for_one_token_fewer_and_not_for_two(context, fresh):
    longer = tokens(300, 42)
    prefill(context, longer)
    context.kv.checkpoint()
    generate(context, 700, 43)
    prompt = longer[:-1]
    kept, logits = prefill(context, prompt)
    assert kept < len(prompt) - 1
    assert np.abs(logits - feed(fresh, prompt)).max() < ROUNDING


def test_pieces_shrink_as_the_scores_of_a_token_grow(context):
    sizes = {n: context.piece_behind(n) for n in (0, 4096, 4097, 8192, 8193, 30_000)}
    assert sizes == {0: 128, 4096: 128, 4097: 64, 8192: 64, 8193: 32, 30_000: 32}


def test_a_prompt_is_the_same_to_the_bit_however_it_is_cut(context, fresh):
    prompt = tokens(150, 41)
    whole = feed(context, prompt)
    for size in (2, 3, 4, 25, 50):
        fresh.kv.clear()
        pieces = [prompt[start : start + size] for start in range(0, len(prompt), size)]
        assert np.array_equal(feed(fresh, *pieces), whole)


def test_a_short_way_back_needs_no_checkpoint(context, fresh):
    prompt = tokens(100, 6)
    feed(context, prompt)
    changed = [*prompt[:90], *tokens(5, 7)]
    kept, logits = prefill(context, changed)
    assert kept == 90
    assert np.abs(logits - feed(fresh, prompt[:90], changed[90:])).max() < ROUNDING


def test_without_a_usable_checkpoint_everything_is_decoded_again(context, fresh):
    prompt = tokens(100, 8)
    feed(context, prompt)
    generate(context, 800, 9)
    kept, logits = prefill(context, prompt + tokens(10, 10))
    assert kept == 0
    assert np.abs(logits - feed(fresh, prompt + tokens(10, 10))).max() < ROUNDING


def test_an_edited_earlier_turn_goes_back_to_the_checkpoint_before_it(context, fresh):
    turns = [tokens(150, seed) for seed in range(20, 24)]
    prompt: list[int] = []
    for number, turn in enumerate(turns):
        prompt = prompt + turn
        prefill(context, prompt)
        generate(context, 300, 30 + number)
    edited = [*turns[0], *turns[1], *tokens(6, 40)]
    kept, logits = prefill(context, edited)
    assert kept == 300
    assert np.abs(logits - feed(fresh, turns[0], turns[1], edited[300:])).max() < ROUNDING


def test_a_prompt_that_parts_one_token_before_a_checkpoint_goes_on_there(context, fresh):
    """A stopped answer: the next prompt has another message where the answer began."""
    prompt = tokens(300, 50)
    prefill(context, prompt)
    generate(context, 800, 51)
    following = [255 - prompt[-1], *tokens(4, 52)]
    kept, logits = prefill(context, prompt[:-1] + following)
    assert kept == len(prompt) - 1
    assert np.abs(logits - feed(fresh, prompt[:-1], following)).max() < ROUNDING
    # The checkpoint held the old token: behind the new one it must not be used.
    generate(context, 800, 53)
    again = [*prompt[:-1], following[0], *tokens(6, 54)]
    kept, logits = prefill(context, again)
    assert kept == 0
    assert np.abs(logits - feed_anew(fresh, again)).max() < ROUNDING


def test_of_many_checkpoints_the_first_the_last_and_those_far_apart_stay(context):
    prompt: list[int] = []
    lengths = [50, *([20, 60] * 12)]
    for seed, length in enumerate(lengths):
        prompt = prompt + tokens(length, seed)
        prefill(context, prompt)
        if seed == 4:
            context.kv._budget_bytes = 10 * len(context.kv._checkpoints[0].cells)
    ends = [c.n_tokens for c in context.kv._checkpoints]
    assert len(ends) in {9, 10}
    assert ends[0] == 50
    assert ends[-4:] == [len(prompt) - n for n in (140, 80, 60, 0)]
    assert max(b - a for a, b in itertools.pairwise(ends)) <= 400


def test_checkpoints_stay_inside_their_budget(context):
    context.kv._budget_bytes = 200_000
    prompt: list[int] = []
    for seed in range(40):
        prompt = prompt + tokens(40, seed)
        prefill(context, prompt)
    assert sum(len(c.cells) for c in context.kv._checkpoints) <= 200_000
    assert context.kv._checkpoints[-1].n_tokens == len(prompt)


def test_window_guard_knows_how_far_back_is_safe(context):
    feed(context, tokens(100, 1))
    assert context.kv.window_reaches(0)
    assert context.kv.window_reaches(100)
    assert context.kv.window_reaches(WINDOW)


@pytest.mark.parametrize(
    ("left", "right", "shared"),
    [([], [1], 0), ([1, 2], [1, 2], 2), ([1, 2, 3], [1, 2, 4], 2), ([1], [1, 2], 1)],
)
def test_common_prefix(left, right, shared):
    assert common_prefix(left, right) == shared
