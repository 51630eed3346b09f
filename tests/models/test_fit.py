"""Whether a model fits is told before it is loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gptoss_cli.engine import llama
from gptoss_cli.engine.base import WINDOW_STEP
from gptoss_cli.errors import DoesNotFitError
from gptoss_cli.machine import Memory, memory, usable_cores
from gptoss_cli.models import fit
from gptoss_cli.models.fit import kv_bytes, require_memory, working_bytes
from gptoss_cli.models.weights import ModelFile, ModelShape

GB = 10**9
SHAPE_20B = ModelShape(
    layers=24,
    width=2880,
    heads=64,
    kv_heads=8,
    head_dim=64,
    ff_width=2880,
    experts=32,
    experts_used=4,
    window=128,
    context_length=131_072,
)
MODEL_20B = ModelFile(
    parts=(),
    name="gpt-oss-20b",
    shape=SHAPE_20B,
    quantization="MXFP4",
    total_bytes=12_104_857_664,
    expert_bytes=10_178_887_680,
    tokens=(),
    token_types=(),
)


def test_cache_of_the_20b_is_what_llama_cpp_allocates():
    """192 MiB for 8,192 tokens in the full layers, 18 MiB for the windows of the others."""
    assert kv_bytes(SHAPE_20B, 8192) == (192 + 18) << 20


def test_a_small_context_needs_no_more_for_its_windows_than_it_has():
    assert kv_bytes(SHAPE_20B, 256) == 2 * 256 * 24_576


def test_the_20b_fits_16_gb_mapped_but_not_8():
    require_memory(MODEL_20B, 8192, Memory(16 * GB, 14 * GB), repack=False)
    with pytest.raises(DoesNotFitError, match=r"needs 12\.\d GB .* has 8\.0 GB"):
        require_memory(MODEL_20B, 8192, Memory(8 * GB, 7 * GB), repack=False)


def test_repacking_needs_private_memory_for_the_experts():
    with pytest.raises(DoesNotFitError) as error:
        require_memory(MODEL_20B, 8192, Memory(24 * GB, 9 * GB), repack=True)
    assert "--no-repack" in error.value.hint


def test_a_context_too_large_is_refused_with_a_smaller_one():
    large = replace(MODEL_20B, shape=replace(SHAPE_20B, context_length=1 << 22))
    with pytest.raises(DoesNotFitError, match="a context of 4,194,304 tokens") as error:
        require_memory(large, 1 << 22, Memory(24 * GB, 20 * GB), repack=False)
    assert "-c 1048576" in error.value.hint


def test_working_memory_at_8k_stays_below_what_is_promised():
    assert working_bytes(SHAPE_20B, 8192) < 0.6 * GB


def test_this_machine_is_measured():
    machine = memory()
    assert 0 < machine.available <= machine.total
    assert usable_cores() >= 1


def test_the_engine_opens_contexts_as_they_are_counted_here():
    assert (fit.UBATCH_TOKENS, fit.PAD) == (llama.UBATCH_TOKENS, WINDOW_STEP)
