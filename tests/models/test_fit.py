"""Whether a model fits is told before it is loaded."""

from __future__ import annotations

from gptoss_cli.engine import context
from gptoss_cli.engine.base import WINDOW_STEP
from gptoss_cli.engine.sequences import sequences_for
from gptoss_cli.machine import memory, usable_cores
from gptoss_cli.models import fit
from gptoss_cli.models.fit import kv_bytes, working_bytes
from tests.support.shapes import SHAPE_20B

GB = 10**9


def test_cache_of_the_20b_is_what_llama_cpp_allocates():
    """192 MiB for 8,192 tokens in the full layers; for the windows of the others 6 on a CPU, and
    18 on a GPU.
    """
    assert kv_bytes(SHAPE_20B, 8192) == (192 + 6) << 20
    assert kv_bytes(SHAPE_20B, 8192, on_gpu=True) == (192 + 18) << 20


def test_a_small_context_needs_no_more_for_its_windows_than_it_has():
    assert kv_bytes(SHAPE_20B, 256) == 2 * 256 * 24_576


def test_working_memory_at_8k_stays_below_what_is_promised():
    assert working_bytes(SHAPE_20B, 8192) < 0.6 * GB


def test_scores_are_counted_and_held_only_where_they_take_less_than_half_a_gigabyte():
    scores = [
        working_bytes(SHAPE_20B, n, on_gpu=False) - kv_bytes(SHAPE_20B, n) - (160 << 20) - 256 * n
        for n in (2_048, 8_192, 32_768, 65_536)
    ]
    assert scores == [n * 64 * 6 for n in (128 * 2048, 128 * 4096, 32 * 32768, 0)]
    assert max(scores) < 0.5 * GB


def test_several_windows_share_one_cache_of_sliding_windows():
    one, four = (kv_bytes(SHAPE_20B, 8192, windows=n, sequences=sequences_for(n)) for n in (1, 4))
    assert one == 24_576 * (8192 + 768)
    assert four == 24_576 * (4 * 8192 + 1536)
    more = working_bytes(SHAPE_20B, 8192, windows=4, sequences=sequences_for(4))
    assert more - working_bytes(SHAPE_20B, 8192) > four - kv_bytes(SHAPE_20B, 8192)


def test_the_answers_that_grow_beside_a_piece_of_a_prompt_are_counted():
    one, many = (
        working_bytes(SHAPE_20B, window, windows=n) - kv_bytes(SHAPE_20B, window, windows=n)
        for window, n in ((32_768, 1), (1_024, 32))
    )
    assert many - one == 31 * 32_768 * 64 * 6
    assert working_bytes(SHAPE_20B, 512, windows=64) > 1.162 * GB  # as measured


def test_this_machine_is_measured():
    machine = memory()
    assert 0 < machine.available <= machine.total
    assert usable_cores() >= 1


def test_the_engine_opens_contexts_as_they_are_counted_here():
    assert (fit.UBATCH_TOKENS, fit.PAD) == (context.UBATCH_TOKENS, WINDOW_STEP)
    for name in (
        "CPU_UBATCH_TOKENS",
        "MOST_SCORES_TOKENS",
        "SCORES_AT_ONCE",
        "LEAST_PIECE_TOKENS",
    ):
        assert getattr(fit, name) == getattr(context, name)


def test_two_sizes_are_told_so_that_they_differ():
    assert fit.in_words(12_100_000_000, 3_000_000_000) == ("12.1 GB", "3.0 GB")
    assert fit.in_words(236_000_000, 190_000_000) == ("236 MB", "190 MB")
    assert fit.in_words(12_100_000_000, 12_104_000_000) == ("12,100 MB", "12,104 MB")
    assert fit.in_words(12_100_000_000, 90_000_000) == ("12.1 GB", "90 MB")
    assert fit.in_words(1_000_002, 1_000_001) == ("1,000,002 bytes", "1,000,001 bytes")
