"""A context begins small and grows: nothing that is computed or kept may change by that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gptoss_cli import machine
from gptoss_cli.engine import bindings
from gptoss_cli.engine.base import Beginning, Cancel, Sampling
from gptoss_cli.engine.context import LlamaContext
from gptoss_cli.engine.kv_store import KVStore
from gptoss_cli.errors import DoesNotFitError, EngineError
from tests.engine.test_kv import ROUNDING, feed, generate, prefill, tokens
from tests.engine.test_reuse import FOLLOWING, begins, opened, run
from tests.support.engines import options_for

WINDOW = 16_384
FIRST = 2_048


@pytest.fixture
def opener(random_model: Path) -> Iterator[Any]:
    """Opens contexts that are closed at the end: with all cells at once, or as they are needed."""
    with contextlib.ExitStack() as stack:

        def open_context(*, expected: int = 0, window: int = WINDOW) -> LlamaContext:
            context = LlamaContext(options_for(random_model, window))
            stack.callback(context.close)
            context.load(lambda _: None, Cancel())
            context.open(window, expected=expected)
            return context

        yield open_context


def cells(context: LlamaContext) -> int:
    return int(context.library.llama_n_ctx(context.handle))


@pytest.mark.parametrize(
    ("expected", "has"),
    [(0, 512), (512, 512), (513, 2_048), (2_049, 8_192), (8_193, WINDOW)],
)
def test_a_context_has_cells_for_what_is_expected(opener, expected, has):
    assert cells(opener(expected=expected)) == has


def test_a_small_window_has_all_its_cells(opener):
    assert cells(opener(window=512)) == 512
    assert cells(opener(window=1_024, expected=600)) == 1_024


def test_an_answer_goes_on_to_the_bit_where_the_context_grows(opener):
    small, large = opener(), opener(expected=WINDOW)
    for context in (small, large):
        prefill(context, tokens(FIRST - 30, 1))
        assert cells(context) == (FIRST if context is small else WINDOW)
        generate(context, 30, 2)
    for token in tokens(200, 3):
        rows = [feed(context, [token]) for context in (small, large)]
        assert np.array_equal(*rows)
    assert cells(small) == 8_192
    assert small.kv.tokens == large.kv.tokens


@pytest.mark.parametrize("back", [FIRST - 200, FIRST - 201, FIRST - 700, 300])
def test_what_was_said_before_a_context_grew_can_be_gone_back_to(opener, back):
    context, fresh = opener(), opener()
    first, rest = tokens(FIRST - 200, 4), tokens(900, 5)
    prefill(context, first[:300])
    prefill(context, first)
    generate(context, 700, 6)
    assert cells(context) > FIRST
    prompt = [*first[:back], *rest]
    kept, logits = prefill(context, prompt)
    assert kept == max((n for n in (300, FIRST - 200) if n <= back + 1), default=0) - (
        back == FIRST - 201
    )
    feed(fresh, prompt[:kept])
    assert np.abs(logits - feed(fresh, prompt[kept:])).max() < ROUNDING


def test_a_stop_still_stops_after_a_context_grew(opener):
    context, cancel = opener(), Cancel()
    context.obey(cancel)
    prefill(context, tokens(FIRST, 7))
    context.reserve(FIRST + 1)
    cancel.set()
    assert not context.decode(tokens(100, 8), logits=True)
    cancel.clear()
    feed(context, tokens(100, 8))


def test_a_full_window_says_so(opener):
    context = opener(window=512)
    feed(context, tokens(512, 9))
    with pytest.raises(DoesNotFitError, match="context window of 512 tokens is full"):
        context.decode([1], logits=True)


class Scarce:
    """llama.cpp on a machine without memory for a context of more than `most` cells."""

    def __init__(self, library: Any, most: int = FIRST) -> None:
        self._library = library
        self.most = most
        self.made, self.freed = [], 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def llama_free(self, context: Any) -> None:
        self.freed += 1
        self._library.llama_free(context)

    def llama_init_from_model(self, model: Any, parameters: Any) -> Any:
        if parameters.n_ctx > self.most:
            return 0
        self.made.append(int(parameters.n_ctx))
        return self._library.llama_init_from_model(model, parameters)


def without_memory(
    context: LlamaContext, monkeypatch: pytest.MonkeyPatch, found_out_by: str
) -> None:
    """Let there be none to grow: the system says so, or llama.cpp finds out, or the copy does."""

    def nothing(*_: object) -> None:
        raise MemoryError

    match found_out_by:
        case "asking":
            monkeypatch.setattr(machine, "memory", lambda: machine.Memory(1 << 30, 1_000))
        case "trying":
            monkeypatch.setattr(context, "_library", Scarce(context.library))
        case _:
            monkeypatch.setattr(context.kv, "content", nothing)


@pytest.mark.parametrize("found_out_by", ["asking", "trying", "copying"])
def test_where_there_is_no_memory_to_grow_nothing_is_lost(opener, monkeypatch, found_out_by):
    context, fresh = opener(), opener(expected=WINDOW)
    said = tokens(FIRST, 10)
    prefill(context, said[:1_500])
    feed(context, said[1_500:])
    without_memory(context, monkeypatch, found_out_by)
    for _ in range(2):
        with pytest.raises(DoesNotFitError, match="8,192 tokens") as error:
            context.decode([1], logits=True)
        assert "close other programs" in error.value.hint
        assert context.kv.tokens == said
        assert cells(context) == FIRST
    prompt = [*said[:1_500], *tokens(100, 11)]
    assert context.kv.rewind(prompt) == 1_500  # there is room for this
    logits = feed(context, prompt[1_500:])
    feed(fresh, prompt[:1_500])
    assert np.abs(logits - feed(fresh, prompt[1_500:])).max() < ROUNDING
    monkeypatch.undo()
    feed(context, tokens(1_000, 12))


@pytest.mark.parametrize("n_tokens", [0, FIRST])
def test_growing_asks_for_the_new_cells_and_the_copy_of_the_old_ones(
    opener, random_model, monkeypatch, n_tokens
):
    context = opener(expected=FIRST)
    if n_tokens:
        feed(context, tokens(n_tokens, 10))
    cell_bytes = 2 * 2 * 32 * 2 * 2  # half of 4 layers, 2 heads of 32 keys and values in f16
    needed = (8_192 - FIRST + n_tokens) * cell_bytes + (64 << 20)
    monkeypatch.setattr(machine, "memory", lambda: machine.Memory(1 << 30, needed - 1))
    with pytest.raises(DoesNotFitError):
        context.reserve(FIRST + 1)
    monkeypatch.setattr(machine, "memory", lambda: machine.Memory(1 << 30, needed))
    context.reserve(FIRST + 1)


def test_what_another_program_took_while_a_context_grew_is_read_anew(random_model, monkeypatch):
    """Not even the cells that were there can be had again."""
    with opened(random_model, None) as generator:
        context, conversation = generator._context, tokens(400, 17)
        expected, _ = run(generator, conversation, FOLLOWING)
        scarce = Scarce(context.library, most=0)
        monkeypatch.setattr(context, "_library", scarce)
        for _ in range(2):
            with pytest.raises((EngineError, DoesNotFitError), match="cannot make a context"):
                run(generator, [*conversation, *tokens(300, 18)], FOLLOWING)
        monkeypatch.undo()
        assert run(generator, conversation, FOLLOWING) == (expected, 0)


def test_a_context_is_made_once_for_a_prompt_and_given_back(random_model, monkeypatch):
    with opened(random_model, None) as generator:
        context = generator._context
        load = context.load

        def load_counted(*arguments: Any) -> None:
            load(*arguments)
            context._library = counting

        counting = Scarce(bindings.load_library(), most=WINDOW)
        monkeypatch.setattr(context, "load", load_counted)
        run(generator, tokens(600, 19), FOLLOWING)
        run(generator, tokens(3_000, 20), FOLLOWING)
        assert counting.made == [2_048, 4_096]
        assert counting.freed == 1


@pytest.mark.parametrize(("n_begins", "n_prompt"), [(300, 1_900), (300, 2_200), (2_300, 2_500)])
def test_a_seed_gives_the_same_text_where_a_context_grows(
    random_model, tmp_path, n_begins, n_prompt
):
    """Whether or not the beginning comes from a disk, and wherever the growing falls."""
    store, prompt, texts = KVStore(tmp_path, 1 << 30), tokens(n_prompt, 13), []
    for place in (None, store, store):
        with opened(random_model, place, context_window=WINDOW) as generator:
            texts.append(run(generator, prompt, begins(n_begins), Sampling(seed=5), 300))
    assert [cached for _, cached in texts] == [0, 0, n_begins]
    assert texts[0][0] == texts[1][0] == texts[2][0]


def put_away(random_model: Path, store: KVStore, prompt: list[int]) -> None:
    """Keep a conversation that can be gone back in to its first 900 tokens."""
    with opened(random_model, store) as generator:
        for end in (900, len(prompt)):
            run(generator, prompt[:end], FOLLOWING, max_tokens=1)
        generator.put_away(prompt, "session")


def test_a_conversation_that_is_longer_than_the_first_cells_is_gone_on_with(random_model, tmp_path):
    """Also where the new prompt itself would not need so many."""
    store, conversation = KVStore(tmp_path, 1 << 30), tokens(3_000, 14)
    put_away(random_model, store, conversation)
    with opened(random_model, store) as generator:
        assert run(generator, [*conversation, 1, 2], FOLLOWING)[1] >= 2_999
    with opened(random_model, store) as generator:
        assert run(generator, [*conversation[:1_000], 1, 2], FOLLOWING)[1] == 900


def test_a_conversation_that_does_not_fit_in_the_window_any_more_stays_on_the_disk(
    random_model, tmp_path
):
    store, conversation = KVStore(tmp_path, 1 << 30), tokens(3_000, 15)
    put_away(random_model, store, conversation)
    small = {"context_window": 1_024, "largest_window": 1_024}
    beginning = [*conversation[:950], 1, 2]
    with opened(random_model, store, **small) as generator:
        assert run(generator, beginning, FOLLOWING)[1] == 0
    assert store.entries()
    with opened(random_model, store) as generator:
        assert run(generator, [*conversation, 1, 2], FOLLOWING)[1] >= 2_999


def test_idle_time_makes_room_for_what_it_reads(random_model):
    prompt = tokens(3_000, 16)
    with opened(random_model, None) as generator:
        run(generator, prompt[:100], FOLLOWING)
        generator.prefill(prompt, cancel=Cancel(), beginning=Beginning())
        assert run(generator, [*prompt, 1, 2], FOLLOWING)[1] == 3_000
