"""Several sequences in one cache must compute what each would by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gptoss_cli.engine.base import Cancel, Generated, Sampling
from gptoss_cli.engine.batch import BatchGenerator, BatchRequest
from gptoss_cli.engine.context import LlamaContext, LlamaOptions
from gptoss_cli.engine.sequences import Row, Sequences
from gptoss_cli.errors import EngineError, ModelFileError
from gptoss_cli.events import FinishReason, LoadProgress
from tests.engine.test_kv import ROUNDING, feed, tokens
from tests.support.random_model import WINDOW

GREEDY = Sampling(temperature=0.0)


def options(path: Path, window: int) -> LlamaOptions:
    return LlamaOptions(
        paths=(path,),
        context_window=window,
        largest_window=window,
        vocabulary_size=266,
        threads=1,
    )


@pytest.fixture
def context(random_model: Path) -> Iterator[LlamaContext]:
    context = LlamaContext(options(random_model, 2048))
    context.load(lambda _fraction: None, Cancel())
    yield context
    context.close()


@pytest.fixture
def fresh(random_model: Path) -> Iterator[LlamaContext]:
    context = LlamaContext(options(random_model, 2048))
    context.load(lambda _fraction: None, Cancel())
    context.open(2048)
    yield context
    context.close()


def rows(sequence: int, start: int, ids: list[int], *, logits: bool = False) -> list[Row]:
    made = [Row(sequence, start + i, token) for i, token in enumerate(ids)]
    last = made[-1]
    return [*made[:-1], Row(last.sequence, last.position, last.token, logits)]


def expected(fresh: LlamaContext, *batches: list[int]) -> np.ndarray:
    fresh.kv.clear()
    return feed(fresh, *batches)


@pytest.mark.parametrize("prefix_tokens", [10, 3 * WINDOW + 5])
def test_sequences_side_by_side_compute_what_each_does_alone(context, fresh, prefix_tokens):
    """The prefix is longer than the window, and so is what each goes on with."""
    sequences = Sequences(context, 3, 512)
    prefix = tokens(prefix_tokens, 1)
    assert sequences.set_prefix(prefix)
    written = {sequences.begin(len(prefix)): tokens(2 * WINDOW, seed) for seed in (2, 3, 4)}
    for i in range(2 * WINDOW):
        at = len(prefix) + i
        step = [Row(s, at, ids[i], logits=True) for s, ids in written.items()]
        assert sequences.decode(step)
    for row, ids in enumerate(written.values()):
        alone = expected(fresh, prefix, *[[token] for token in ids])
        assert np.abs(sequences.logits(row) - alone).max() < ROUNDING


def test_a_prompt_is_read_beside_the_tokens_of_others(context, fresh):
    sequences = Sequences(context, 2, 512)
    prefix, question, answer = tokens(50, 5), tokens(100, 6), tokens(9, 7)
    assert sequences.set_prefix(prefix)
    writing, reading = sequences.begin(50), sequences.begin(50)
    for i, token in enumerate(answer[:8]):
        assert sequences.decode([Row(writing, 50 + i, token, logits=True)])
    both = [Row(writing, 58, answer[8], logits=True), *rows(reading, 50, question, logits=True)]
    assert sequences.decode(both)
    alone = expected(fresh, prefix, *[[token] for token in answer])
    assert np.abs(sequences.logits(0) - alone).max() < ROUNDING
    alone = expected(fresh, prefix, question)
    assert np.abs(sequences.logits(len(both) - 1) - alone).max() < ROUNDING


def test_a_number_that_is_free_again_knows_nothing_of_who_had_it(context, fresh):
    sequences = Sequences(context, 1, 512)
    prefix, first, second = tokens(2 * WINDOW, 8), tokens(200, 9), tokens(60, 10)
    assert sequences.set_prefix(prefix)
    sequence = sequences.begin(len(prefix))
    assert sequences.decode(rows(sequence, len(prefix), first))
    sequences.end(sequence)
    assert sequences.begin(len(prefix)) == sequence
    assert sequences.decode(rows(sequence, len(prefix), second, logits=True))
    alone = expected(fresh, prefix, second)
    assert np.abs(sequences.logits(len(second) - 1) - alone).max() < ROUNDING


def test_a_sequence_outlives_the_prefix_it_began_with(context, fresh):
    sequences = Sequences(context, 2, 512)
    old, new, ids = tokens(80, 11), tokens(90, 12), tokens(20, 13)
    assert sequences.set_prefix(old)
    sequence = sequences.begin(len(old))
    assert sequences.set_prefix(new)
    assert sequences.decode(rows(sequence, len(old), ids, logits=True))
    alone = expected(fresh, old, ids)
    assert np.abs(sequences.logits(len(ids) - 1) - alone).max() < ROUNDING


def test_part_of_a_prefix_is_shared_only_while_the_window_reaches(context):
    sequences = Sequences(context, 1, 512)
    short = tokens(WINDOW - 4, 14)
    assert sequences.set_prefix(short)
    assert sequences.shared([*short[:10], 0, 0]) == 10
    long = tokens(3 * WINDOW, 15)
    assert sequences.set_prefix(long)
    assert sequences.shared(long) == len(long)
    assert sequences.shared([*long[:50], 256, 256]) == 0


def generated(
    path: Path, requests: list[BatchRequest], *, parallel: int, window: int = 512
) -> dict[int, tuple[list[int], Generated]]:
    generator = BatchGenerator(options(path, window), parallel=parallel)
    texts: dict[int, list[int]] = {request.key: [] for request in requests}
    ends: dict[int, Generated] = {}
    try:
        for request in requests:
            generator.submit(request)
        while len(ends) < len(requests):
            for step in generator.poll():
                if isinstance(step, LoadProgress):
                    continue
                key, what = step
                if isinstance(what, Generated):
                    ends[key] = what
                else:
                    texts[key].append(what)
    finally:
        generator.close()
    return {key: (texts[key], ends[key]) for key in ends}


def request(key: int, prompt: list[int], prefix_tokens: int, **changes) -> BatchRequest:
    values = {"sampling": GREEDY, "stop": frozenset[int](), "max_tokens": 3 * WINDOW}
    return BatchRequest(
        key=key, prompt=tuple(prompt), prefix_tokens=prefix_tokens, **(values | changes)
    )


def test_prefixes_that_change_all_the_time_never_fill_the_cache(random_model):
    """Each pins its window while somebody looks at it; every sequence goes far beyond its own."""
    prefixes = [tokens(4 * WINDOW, seed) for seed in range(20, 25)]
    requests = [
        request(i, [*prefixes[i // 2 % 5], *tokens(5 + i % 7 * 20, i)], 4 * WINDOW)
        for i in range(24)
    ]
    answers = generated(random_model, requests, parallel=4, window=256)
    assert {end.reason for _, end in answers.values()} == {FinishReason.LENGTH}
    assert all(len(ids) == end.completion_tokens for ids, end in answers.values())


def test_a_long_prefix_leaves_room_for_what_follows(random_model):
    prefix = tokens(1500, 30)
    requests = [request(i, [*prefix, *tokens(20, i)], 1500, max_tokens=400) for i in range(6)]
    answers = generated(random_model, requests, parallel=3, window=2048)
    assert all(len(ids) == 400 for ids, _ in answers.values())
    assert sorted(end.cached_tokens for _, end in answers.values()) == [0, *[1500] * 5]


def test_the_window_of_each_ends_its_answer(random_model):
    requests = [request(i, tokens(40 + i, i), 0, max_tokens=None) for i in range(6)]
    answers = generated(random_model, requests, parallel=3, window=256)
    for i, (ids, end) in answers.items():
        assert (len(ids), end.reason) == (256 - 40 - i, FinishReason.LENGTH)


def test_a_seed_gives_the_same_tokens_again(random_model):
    sampled = [request(i, tokens(30, 40), 20, sampling=Sampling(seed=i % 2)) for i in range(2)]
    first, again = (generated(random_model, sampled, parallel=1) for _ in range(2))
    assert {k: ids for k, (ids, _) in first.items()} == {k: ids for k, (ids, _) in again.items()}
    assert first[0][0] != first[1][0]


def test_a_stopped_request_ends_and_the_others_go_on(random_model):
    generator = BatchGenerator(options(random_model, 2048), parallel=2)
    endless = [request(i, tokens(30, i), 0, max_tokens=None) for i in range(2)]
    for one in endless:
        generator.submit(one)
    ends: dict[int, Generated] = {}
    while 1 not in ends:
        for step in generator.poll():
            if not isinstance(step, LoadProgress):
                key, what = step
                if isinstance(what, Generated):
                    ends[key] = what
                elif key == 0:
                    generator.stop(0)
    generator.close()
    assert ends[0].reason is FinishReason.CANCELLED
    assert ends[1].completion_tokens == 2048 - 30


def test_closing_does_not_wait_for_what_runs(random_model):
    generator = BatchGenerator(options(random_model, 4096), parallel=1)
    generator.submit(request(0, tokens(4000, 1), 0, max_tokens=None))
    generator.close()
    generator.close()


def test_weights_that_cannot_be_loaded_are_told_where_the_steps_are_read(tmp_path):
    path = tmp_path / "no.gguf"
    path.write_bytes(b"GGUF nonsense")
    with pytest.raises((ModelFileError, EngineError)):
        generated(path, [request(0, [1], 0)], parallel=1)
