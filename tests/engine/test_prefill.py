"""Reading ahead: what it leaves in the cache, what the next prompt still costs, how it stops."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gptoss_cli.engine.base import Beginning, Cancel, Generated, GenerationStep, Sampling
from gptoss_cli.engine.context import LlamaContext
from gptoss_cli.engine.kv_store import KVStore
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.engine.prefill import decode_prompt, read_ahead, worth_a_cut
from gptoss_cli.engine.reuse import Place, Reuse
from gptoss_cli.errors import ModelFileError
from gptoss_cli.events import FinishReason, LoadProgress, PromptProgress
from tests.engine.test_kv import ROUNDING, feed, generate, open_context, tokens
from tests.engine.test_llama import make
from tests.support.waiting import wait_until

NOWHERE = Reuse(None, str)  # nothing is kept, and nothing found


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
    read_ahead(context, NOWHERE, history + answer, [370], Cancel(), Cancel())
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
    read_ahead(context, NOWHERE, history + answer, [], cancel, Cancel())
    context.decode = decode
    cancel.clear()
    kept = context.kv.rewind(history + answer)
    assert kept == len(history) + 4 * stopped_after
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
    ("start", "turn_starts", "ends"),
    [(0, [], [8, 16, 20]), (3, [], [11, 18, 20]), (0, [9], [7, 9, 17, 20]), (20, [], [])],
)
def test_pieces_end_where_a_question_begins_and_none_is_a_single_token(
    random_model, start, turn_starts, ends
):
    context, reached = open_context(random_model), []
    if start:
        feed(context, tokens(20, 1)[:start])
    assert decode_prompt(
        context,
        NOWHERE,
        tokens(20, 1),
        turn_starts=turn_starts,
        piece_tokens=8,
        is_stopped=lambda: False,
        report=reached.append,
    )
    assert reached == ends
    context.close()


def test_the_last_question_is_a_cut_and_earlier_ones_where_they_lie_apart():
    assert worth_a_cut([10, 90, 100, 200], 0) == [200, 100, 10]
    assert worth_a_cut([10, 90, 100, 200], 150) == [200]
    assert worth_a_cut([], 0) == []


# The beginning that first prompts share

INSTRUCTIONS = tokens(300, 30)
BEGINNING = Beginning((300,), 300)


@pytest.fixture
def store(tmp_path: Path) -> KVStore:
    return KVStore(tmp_path / "kv", 1 << 30)


def cells(generator: LlamaTokenGenerator) -> tuple[list[int], bytes]:
    """All that is in the cache."""
    state = generator._context.kv.export(0)
    assert state is not None
    return state.tokens.tolist(), bytes(state.state.content)


def kept(store: KVStore) -> bytes:
    """The one file of the store, once it is there."""
    wait_until(store.entries)
    (entry,) = store.entries()
    return entry.path.read_bytes()


def piecewise(generator: LlamaTokenGenerator) -> list[int]:
    """Return a list that gets the size of every piece that is decoded from now on."""
    context, sizes = generator._context, []
    decode = context.decode

    def noted(piece: list[int], *, logits: bool) -> bool:
        sizes.append(len(piece))
        return decode(piece, logits=logits)

    context.decode = noted
    return sizes


def stopped_in_its_first_piece(generator: LlamaTokenGenerator) -> None:
    """Idle time that ends as soon as it began."""
    cancel, decode = Cancel(), generator._context.decode

    def decoded(piece: list[int], *, logits: bool) -> bool:
        cancel.set()
        return decode(piece, logits=logits)

    generator._context.decode = decoded
    generator.prefill(INSTRUCTIONS, beginning=BEGINNING, cancel=cancel)
    wait_until(lambda: generator._ahead.reading.drain_for(0.01))
    generator._context.decode = decode


@pytest.mark.parametrize(
    ("idle", "left"), [("no", [128, 128, 44]), ("whole", []), ("stopped", [128, 44])]
)
def test_the_beginning_is_the_same_to_the_bit_whoever_reads_it(random_model, store, idle, left):
    """By the first prompt, ahead of it, or by both; and the file that is left of it as well."""
    question = tokens(20, 31)
    expected = make(random_model)
    answered(expected, INSTRUCTIONS + question, beginning=BEGINNING)
    generator = make(random_model, kept_at=Place(store, "m"))
    if idle == "whole":
        generator.prefill(INSTRUCTIONS, beginning=BEGINNING, cancel=Cancel())
        assert kept(store)
    elif idle == "stopped":
        stopped_in_its_first_piece(generator)
    sizes = piecewise(generator)
    end = answered(generator, INSTRUCTIONS + question, beginning=BEGINNING)
    assert sizes[: len(left) + 1] == [*left, len(question)]
    assert end.cached_tokens == len(INSTRUCTIONS) - sum(left)
    assert cells(generator) == cells(expected)
    written = kept(store)
    generator.close()
    expected.close()
    again = make(random_model, kept_at=Place(KVStore(store._folder / "other", 1 << 30), "m"))
    answered(again, INSTRUCTIONS + question, beginning=BEGINNING)
    again.close()
    assert written == kept(KVStore(store._folder / "other", 1 << 30))


def test_a_beginning_on_the_disk_is_fetched_in_idle_time_and_not_read(random_model, store):
    question = tokens(20, 31)
    first = make(random_model, kept_at=Place(store, "m"))
    answered(first, INSTRUCTIONS + question, beginning=BEGINNING)
    expected = cells(first)
    first.close()
    generator = make(random_model, kept_at=Place(store, "m"))
    sizes = piecewise(generator)
    generator.prefill(INSTRUCTIONS, beginning=BEGINNING, cancel=Cancel())
    assert sizes == []
    assert answered(generator, INSTRUCTIONS + question, beginning=BEGINNING).cached_tokens == 300
    assert cells(generator) == expected
    generator.close()


def test_what_was_cut_elsewhere_is_not_kept_for_other_programs(random_model, store):
    """Instructions that begin as others did: their cells may be rounded otherwise."""
    generator = make(random_model, kept_at=Place(store, "m"))
    generator.prefill(INSTRUCTIONS[:100] + tokens(10, 32), cancel=Cancel())
    generator.prefill(INSTRUCTIONS, beginning=BEGINNING, cancel=Cancel())
    assert generator._context.kv.tokens == INSTRUCTIONS
    generator.close()
    assert store.entries() == []


class Slow:
    """Lets every decode of `generator` take until ``gate`` is set."""

    def __init__(self, generator: LlamaTokenGenerator) -> None:
        self.gate, self.begun = threading.Event(), threading.Event()
        self._decode = generator._context.decode
        generator._context.decode = self.decode

    def decode(self, piece: list[int], *, logits: bool) -> bool:
        self.begun.set()
        assert self.gate.wait(30)
        return self._decode(piece, logits=logits)


def left_at_once(generator: LlamaTokenGenerator, cancel: Cancel, slow: Slow) -> None:
    """Let idle time end while a piece of the beginning is being read."""
    options = {"beginning": BEGINNING, "cancel": cancel}
    job = threading.Thread(target=generator.prefill, args=[INSTRUCTIONS], kwargs=options)
    job.start()
    assert slow.begun.wait(30)
    cancel.set()
    job.join(10)
    assert not job.is_alive()


def steps_of(
    generator: LlamaTokenGenerator, prompt: list[int], cancel: Cancel
) -> Iterator[GenerationStep]:
    return generator.generate(
        prompt,
        sampling=Sampling(temperature=0.0),
        stop=frozenset(),
        max_tokens=3,
        cancel=cancel,
        beginning=BEGINNING,
    )


def test_nobody_waits_for_a_large_piece_and_the_prompt_that_needs_it_gets_it(random_model):
    generator = make(random_model)
    slow = Slow(generator)
    left_at_once(generator, Cancel(), slow)
    sizes = piecewise(generator)
    steps = steps_of(generator, INSTRUCTIONS + tokens(20, 31), Cancel())
    assert next(steps) == PromptProgress(0, 320, 0.0)
    told = next(steps)  # it takes long, and that is told
    assert isinstance(told, PromptProgress)
    assert told.elapsed_s >= 1
    slow.gate.set()
    *_, end = steps
    assert sizes[:3] == [128, 44, 20]
    assert end.cached_tokens == 128
    generator.close()


@pytest.mark.parametrize("why", ["stop", "other"])
def test_a_large_piece_that_nobody_needs_is_stopped(random_model, why):
    generator = make(random_model)
    slow = Slow(generator)
    left_at_once(generator, Cancel(), slow)
    halt, cancel = generator._ahead.halt, Cancel()
    prompt = INSTRUCTIONS + tokens(20, 31) if why == "stop" else tokens(80, 33)
    steps = steps_of(generator, prompt, cancel)
    next(steps)
    if why == "stop":
        cancel.set()
    job = threading.Thread(target=wait_until, args=[halt.is_set])
    job.start()
    threading.Timer(0.2, slow.gate.set).start()
    *_, end = steps
    job.join()
    assert halt.is_set()
    assert end.reason is (FinishReason.CANCELLED if why == "stop" else FinishReason.LENGTH)
    generator.close()


def test_other_instructions_end_what_is_read_of_the_old_ones_and_closing_ends_all(random_model):
    generator = make(random_model)
    slow = Slow(generator)
    left_at_once(generator, Cancel(), slow)
    old = generator._ahead
    other = tokens(200, 34)
    job = threading.Thread(
        target=generator.prefill,
        args=[other],
        kwargs={"beginning": Beginning((200,), 200), "cancel": Cancel()},
    )
    job.start()
    wait_until(old.halt.is_set)
    slow.gate.set()
    job.join()
    assert generator._context.kv.tokens == other
    generator.close()


# While the weights are loaded


def test_idle_time_while_the_model_is_loaded_changes_nothing_for_who_asks_then(
    random_model, monkeypatch
):
    gate, load = threading.Event(), LlamaContext.load

    def slow_load(self: LlamaContext, report: Callable[[float], None], cancel: Cancel) -> None:
        time.sleep(0.15)
        report(0.5)
        assert gate.wait(30)
        load(self, report, cancel)

    monkeypatch.setattr(LlamaContext, "load", slow_load)
    generator = make(random_model)
    cancel = Cancel()
    job = threading.Thread(
        target=generator.prefill,
        args=[INSTRUCTIONS],
        kwargs={"beginning": BEGINNING, "cancel": cancel},
    )
    job.start()
    time.sleep(0.3)
    cancel.set()
    job.join(10)
    assert not job.is_alive()
    steps = steps_of(generator, INSTRUCTIONS + tokens(20, 31), Cancel())
    assert next(steps) == LoadProgress(0.5)
    gate.set()
    *_, end = steps
    assert end.cached_tokens == 0
    generator.close()


def test_weights_that_cannot_be_loaded_are_told_to_who_asks_not_to_idle_time(
    random_model, tmp_path
):
    path = tmp_path / "broken.gguf"
    path.write_bytes(random_model.read_bytes()[:5000])
    generator = make(path)
    generator.prefill(INSTRUCTIONS, beginning=BEGINNING, cancel=Cancel())
    with pytest.raises(ModelFileError):
        list(steps_of(generator, INSTRUCTIONS + tokens(20, 31), Cancel()))
    generator.close()
