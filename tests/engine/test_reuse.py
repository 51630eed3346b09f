"""What comes from a disk changes nothing but the time: states of earlier programs, gone on with."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gptoss_cli.engine.base import Beginning, Cancel, Generated, Sampling
from gptoss_cli.engine.context import LlamaOptions
from gptoss_cli.engine.kv_store import KVStore
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.engine.reuse import Place
from tests.engine.test_kv import ROUNDING, feed, open_context, tokens

GREEDY = Sampling(temperature=0.0)


@pytest.fixture
def store(tmp_path: Path) -> KVStore:
    return KVStore(tmp_path / "kv", 1 << 30)


@contextlib.contextmanager
def opened(path: Path, store: KVStore | None, **changes: object) -> Iterator[LlamaTokenGenerator]:
    options = {
        "paths": (path,),
        "context_window": 4096,
        "largest_window": 4096,
        "vocabulary_size": 266,
        "threads": 1,
        "kept_at": Place(store, "m") if store is not None else None,
    } | changes
    with contextlib.closing(LlamaTokenGenerator(LlamaOptions(**options))) as generator:
        yield generator


def run(
    generator: LlamaTokenGenerator,
    prompt: list[int],
    beginning: Beginning,
    sampling: Sampling = GREEDY,
    max_tokens: int = 40,
) -> tuple[list[int], int]:
    """Return the tokens, and how many of the prompt were there already."""
    steps = list(
        generator.generate(
            prompt,
            sampling=sampling,
            stop=frozenset(),
            max_tokens=max_tokens,
            cancel=Cancel(),
            beginning=beginning,
        )
    )
    end = steps[-1]
    assert isinstance(end, Generated)
    return [step for step in steps if isinstance(step, int)], end.cached_tokens


FOLLOWING = Beginning()


def begins(*ends: int) -> Beginning:
    """Where a first prompt is cut, all of which may be kept."""
    return Beginning(ends, max(ends))


@pytest.mark.parametrize("n_tokens", [40, 130, 700])
def test_a_seed_gives_the_same_text_whether_or_not_the_beginning_comes_from_the_disk(
    random_model, store, n_tokens
):
    """To the bit: one other rounding in a thousand draws would show."""
    prompt = tokens(n_tokens + 150, 1)
    beginning = begins(n_tokens)
    results = []
    for place in (None, store, store, store):
        with opened(random_model, place) as generator:
            results.append(run(generator, prompt, beginning, Sampling(seed=3), 300))
    assert [cached for _, cached in results] == [0, 0, n_tokens, n_tokens]
    assert all(text == results[0][0] for text, _ in results)


@pytest.mark.parametrize(("instructions", "documents"), [(40, 300), (130, 170), (300, 900)])
def test_with_documents_a_seed_gives_the_same_text_wherever_they_come_from(
    random_model, store, instructions, documents
):
    """From nothing, from the instructions alone, from the documents: to the bit."""
    prompt, other = tokens(documents + 150, 1), tokens(documents + 150, 2)
    other[:instructions] = prompt[:instructions]
    beginning = begins(instructions, documents)
    results = []
    for place in (None, store, store, store):
        with opened(random_model, place) as generator:
            results.append(run(generator, prompt, beginning, Sampling(seed=3), 300))
    assert [cached for _, cached in results] == [0, 0, documents, documents]
    with opened(random_model, store) as generator:  # another question about them
        again = prompt[:documents] + tokens(20, 3)
        assert run(generator, again, beginning)[1] == documents
    with opened(random_model, store) as generator:
        assert run(generator, other, beginning)[1] == instructions
    store.clear()
    with opened(random_model, store) as generator:
        run(generator, other, begins(instructions))
    with opened(random_model, store) as generator:  # the instructions are kept, the rest is not
        results.append(run(generator, prompt, beginning, Sampling(seed=3), 300))
    assert results[-1][1] == instructions
    assert all(text == results[0][0] for text, _ in results)


def test_damaged_documents_leave_the_instructions(random_model, store):
    prompt, beginning = tokens(500, 1), begins(60, 400)
    with opened(random_model, store) as generator:
        expected, _ = run(generator, prompt, beginning)
    (large,) = (entry.path for entry in store.entries() if entry.header.n_tokens == 400)
    large.write_bytes(large.read_bytes()[:-1])
    with opened(random_model, store) as generator:
        assert run(generator, prompt, beginning) == (expected, 60)
    with opened(random_model, store) as generator:  # they were written anew
        assert run(generator, prompt, beginning) == (expected, 400)


def test_documents_that_may_not_be_kept_or_are_short_are_not(random_model, store):
    for beginning in (Beginning((60, 400), 60), begins(60, 91)):
        with opened(random_model, store) as generator:
            run(generator, tokens(500, 1), beginning)
    assert [entry.header.n_tokens for entry in store.entries()] == [60]


def test_another_question_shares_the_beginning_and_a_short_one_is_not_kept(random_model, store):
    shared = tokens(60, 2)
    for seed, cached in ((3, 0), (4, 60)):
        with opened(random_model, store) as generator:
            beginning = begins(60)
            assert run(generator, shared + tokens(20, seed), beginning)[1] == cached
    with opened(random_model, store) as generator:
        run(generator, tokens(50, 9), begins(20))
        run(generator, tokens(90, 8), Beginning((60,)))
    assert len(store.entries()) == 1


@pytest.mark.parametrize("n_generated", [5, 800])
def test_a_conversation_that_was_put_away_goes_on_exactly(random_model, store, n_generated):
    prompt, following = tokens(300, 1), tokens(30, 2)
    with opened(random_model, store) as generator:
        run(generator, prompt, Beginning((50,)), max_tokens=n_generated)
        generator.put_away([*prompt, 1, 2, 3], "s")
    with opened(random_model, store) as generator:
        _, cached = run(generator, prompt + following, FOLLOWING, max_tokens=1)
        logits = generator._context.logits().copy()
        assert cached == len(prompt)
        # Going back from there is exact as well, and so is going on after that.
        _, again = run(generator, prompt[:200] + following, FOLLOWING, max_tokens=1)
        assert again in {0, 50}
        back = generator._context.logits().copy()
    fresh = open_context(random_model)
    expected = feed(fresh, prompt, following)
    fresh.kv.clear()
    assert np.abs(logits - expected).max() < ROUNDING
    assert np.abs(back - feed(fresh, prompt[:200], following)).max() < ROUNDING
    fresh.close()


def test_a_conversation_that_was_put_away_is_fetched_in_idle_time(random_model, store):
    prompt, following = tokens(300, 1), tokens(30, 2)
    with opened(random_model, store) as generator:
        run(generator, prompt, begins(50), max_tokens=5)
        generator.put_away([*prompt, 1, 2, 3], "s")
    with opened(random_model, store) as generator:
        generator.prefill(prompt, cancel=Cancel())
        kv = generator._context.kv
        assert kv.tokens[:300] == prompt
        before = list(kv.tokens)
        generator.prefill(prompt, cancel=Cancel())
        assert kv.tokens == before
        store.clear()
        assert run(generator, prompt + following, FOLLOWING, max_tokens=1)[1] == 300


def test_several_turns_later_earlier_ones_can_be_gone_back_to(random_model, store):
    turns = [tokens(150, seed) for seed in range(20, 24)]
    with opened(random_model, store) as generator:
        prompt: list[int] = []
        for turn in turns:
            prompt += turn
            run(generator, prompt, FOLLOWING, max_tokens=300)
        generator.put_away(prompt, "s")
    edited = [*turns[0], *turns[1], *turns[2], *tokens(9, 40)]
    with opened(random_model, store) as generator:
        assert run(generator, edited, FOLLOWING, max_tokens=1)[1] == 450
        logits = generator._context.logits().copy()
    fresh = open_context(random_model)
    assert np.abs(logits - feed(fresh, edited[:450], edited[450:])).max() < ROUNDING
    fresh.close()


def test_other_weights_another_placement_and_weights_that_changed_share_nothing(
    random_model, store, tmp_path
):
    path = tmp_path / "model.gguf"
    path.write_bytes(random_model.read_bytes())
    prompt, beginning = tokens(100, 1), begins(60)

    def cached(model: Path, **changes: object) -> int:
        with opened(model, store, **changes) as generator:
            return run(generator, prompt, beginning)[1]

    assert (cached(path), cached(path)) == (0, 60)
    assert cached(random_model) == 0
    assert cached(path, repack=True) == 0
    about = path.stat()
    with path.open("r+b") as file:  # in place: length, date and nearly all bytes stay
        file.seek(-2000, os.SEEK_END)
        file.write(b"\0")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert cached(path) == 0


def test_a_state_that_llama_does_not_take_is_decoded_instead(random_model, store):
    """As another build of the same version could write: all sums are right, the content is not."""
    prompt, beginning = tokens(100, 1), begins(60)
    with opened(random_model, store) as generator:
        text, _ = run(generator, prompt, beginning)
    (entry,) = store.entries()
    found = store.prefix(entry.header.origin.key, prompt[:60])
    state = store.load(entry.header.origin.key, found)
    random.Random(1).shuffle(whole := bytearray(state.state.content))
    state.state.content[:] = bytes(whole)
    assert store.keep(entry.header.origin, state)
    with opened(random_model, store) as generator:
        assert run(generator, prompt, beginning) == (text, 0)
    with opened(random_model, store) as generator:
        assert run(generator, prompt, beginning) == (text, 60)  # it was replaced


def test_a_disk_that_hangs_holds_nobody_up(random_model, store, monkeypatch):
    gate, left, asked = threading.Event(), threading.Event(), []

    def hangs(_origin: object, _state: object, ends: Callable[[], bool]) -> bool:
        gate.wait(30)
        asked.append(ends())
        left.set()
        return False

    monkeypatch.setattr(store, "keep", hangs)
    started = time.monotonic()
    with opened(random_model, store) as generator:
        run(generator, tokens(100, 1), begins(60))
    assert time.monotonic() - started < 10
    gate.set()
    assert left.wait(10)
    assert asked == [True]
