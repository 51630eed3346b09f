"""Reading ahead: what it leaves in the cache, what the next prompt still costs, how it stops."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gptoss_cli.engine.base import Cancel, Generated, Sampling
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.engine.prefill import piece_ends, read_ahead, worth_a_cut
from tests.engine.test_kv import ROUNDING, feed, generate, open_context, tokens
from tests.engine.test_llama import make
from tests.support.waiting import wait_until


@pytest.fixture
def generator(random_model: Path) -> Iterator[LlamaTokenGenerator]:
    generator = make(random_model)
    yield generator
    generator.close()


def answered(generator: LlamaTokenGenerator, prompt: list[int], **options: object) -> Generated:
    *_, end = generator.generate(
        prompt,
        sampling=Sampling(temperature=0.0),
        stop=frozenset(),
        max_tokens=20,
        cancel=Cancel(),
        **options,
    )
    assert isinstance(end, Generated)
    return end


def test_logits_behind_what_was_read_ahead_are_those_of_a_fresh_prompt(random_model):
    context, fresh = open_context(random_model), open_context(random_model)
    history, answer, question = tokens(300, 1), tokens(70, 2), tokens(9, 3)
    feed(context, history)
    context.kv.checkpoint()
    generate(context, 700, 4)  # thinking, far beyond the window
    read_ahead(context, history + answer, [len(history + answer)], Cancel())
    assert context.kv.tokens == history + answer
    prompt = history + answer + question
    assert context.kv.rewind(prompt) == len(history + answer)
    logits = feed(context, question)
    assert np.abs(logits - feed(fresh, history, answer, question)).max() < ROUNDING
    context.close()
    fresh.close()


@pytest.mark.parametrize("stopped_after", [0, 1, 2, 5])
def test_what_was_read_before_a_stop_is_right_and_need_not_be_read_again(
    random_model, stopped_after
):
    context, fresh = open_context(random_model), open_context(random_model)
    history, answer = tokens(200, 5), tokens(100, 6)
    feed(context, history)
    context.kv.checkpoint()
    generate(context, 700, 7)
    cancel, decode, count = Cancel(), context.decode, 0

    def counted(piece: list[int], *, logits: bool) -> bool:
        nonlocal count
        if count == stopped_after:
            cancel.set()  # llama.cpp itself sees it, inside this decode
        count += 1
        return decode(piece, logits=logits)

    context.decode = counted
    read_ahead(context, history + answer, [], cancel)
    context.decode = decode
    cancel.clear()
    kept = context.kv.rewind(history + answer)
    assert kept == len(history) + 8 * stopped_after
    logits = feed(context, (history + answer)[kept:])
    assert np.abs(logits - feed(fresh, history, answer)).max() < ROUNDING
    context.close()
    fresh.close()


def test_the_next_prompt_costs_only_what_stands_behind_what_was_read(generator):
    first, reply, question = tokens(100, 1), tokens(60, 2), tokens(12, 3)
    answered(generator, first)
    ahead = first + reply
    generator.prefill(ahead, turn_starts=[len(ahead)], cancel=Cancel())
    end = answered(generator, ahead + question)
    assert end.prompt_tokens - end.cached_tokens == len(question)


def test_reading_ahead_again_or_a_part_of_what_is_there_changes_nothing(generator):
    ahead = tokens(100, 4)
    generator.prefill(ahead, cancel=Cancel())
    kv = generator._context.kv
    before, checkpoints = list(kv.tokens), list(kv._checkpoints)
    generator.prefill(ahead, cancel=Cancel())
    assert (kv.tokens, kv._checkpoints) == (before, checkpoints)
    answered(generator, ahead + tokens(8, 5))  # as a title is asked for
    after = list(kv.tokens)
    generator.prefill(ahead, cancel=Cancel())
    assert kv.tokens == after
    end = answered(generator, ahead + tokens(9, 6))
    assert end.cached_tokens == len(ahead)


def test_every_question_of_a_long_prompt_can_be_gone_back_to(generator):
    conversation = tokens(800, 9)
    starts = [100 * n for n in range(1, 8)]
    answered(generator, conversation, turn_starts=starts)
    for kept in reversed(starts):
        end = answered(generator, conversation[:kept] + tokens(5, kept), turn_starts=[kept])
        assert end.cached_tokens == kept


def test_a_stop_while_the_model_is_loaded_does_not_stop_the_loading(random_model):
    generator = make(random_model)
    cancel = Cancel()
    cancel.set()
    generator.prefill(tokens(50, 1), cancel=cancel)
    wait_until(lambda: not list(generator._loading.poll()) and generator._loading.done)
    assert generator._context.is_loaded
    generator.close()


def test_a_closed_model_reads_nothing(random_model):
    generator = make(random_model)
    generator.close()
    generator.prefill(tokens(50, 1), cancel=Cancel())


def test_it_stops_at_once(generator):
    """Far more than the 50 ms that benchmarks/chat.py sees: this may run on a busy machine."""
    waits_s = []
    answered(generator, [1, 2, 3])
    for seed in range(10):
        cancel = Cancel()
        prompt = tokens(2000, 100 + seed)
        job = threading.Thread(target=generator.prefill, args=[prompt], kwargs={"cancel": cancel})
        job.start()
        time.sleep(0.005 * seed)
        began = time.monotonic()
        cancel.set()
        job.join()
        waits_s.append(time.monotonic() - began)
    assert statistics.median(waits_s) < 0.3


@pytest.mark.parametrize(
    ("start", "end", "cuts", "ends"),
    [
        (0, 10, [], [4, 8, 10]),
        (3, 10, [], [7, 10]),
        (0, 10, [8, 5], [4, 5, 8, 10]),
        (10, 10, [], []),
        (0, 4, [4], [4]),
    ],
)
def test_pieces_end_at_cuts(start, end, cuts, ends):
    assert list(piece_ends(start, end, 4, cuts)) == ends


def test_the_last_question_is_a_cut_and_earlier_ones_where_they_lie_apart():
    assert worth_a_cut([10, 90, 100, 200], 0) == [200, 100, 10]
    assert worth_a_cut([10, 90, 100, 200], 150) == [200]
    assert worth_a_cut([], 0) == []
