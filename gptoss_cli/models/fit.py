"""How much memory a model takes beside its weights, before it is loaded.

The sizes are llama.cpp's: one half of the layers keeps keys and values of the whole context, the
other half of the sliding window and one ubatch, padded to 256 cells. Attention that is not fused
holds a score for each head of each token of a ubatch and each token before it.
"""

from __future__ import annotations

from typing import Final

from gptoss_cli.machine import Memory
from gptoss_cli.models.weights import ModelFile, ModelShape

UBATCH_TOKENS: Final = 512
# On a CPU, up to windows of so many tokens, attention is not fused (``engine.context``).
SCORES_UBATCH_TOKENS: Final = 64
MOST_SCORES_TOKENS: Final = 32_768
PAD: Final = 256
_MASK_BYTES: Final = 2
_SCORE_BYTES: Final = 4 + 2  # in 32 bits, and in 16 to be multiplied
_SCRATCH_BYTES: Final = 160 << 20


def kv_bytes(
    shape: ModelShape,
    context_window: int,
    *,
    windows: int = 1,
    sequences: int = 1,
    on_gpu: bool = False,
) -> int:
    """Return the size of the KV cache for `context_window` tokens, f16, sliding window apart.

    Several `windows` of that size may be in one cache, of which so many `sequences` share the cells
    (``engine.sequences``).
    """
    tokens = context_window * windows
    ubatch = SCORES_UBATCH_TOKENS if _has_scores(tokens, on_gpu) else UBATCH_TOKENS
    windowed = min(tokens, shape.window * sequences + ubatch)
    windowed = -(-windowed // PAD) * PAD
    return shape.kv_bytes_per_token * (tokens + windowed)


def working_bytes(
    shape: ModelShape,
    context_window: int,
    *,
    windows: int = 1,
    sequences: int = 1,
    on_gpu: bool = False,
) -> int:
    """Return what is needed beside the weights: KV cache and compute buffers."""
    tokens = context_window * windows
    if _has_scores(tokens, on_gpu):
        per_token = SCORES_UBATCH_TOKENS * (shape.heads * _SCORE_BYTES + _MASK_BYTES)
    else:
        per_token = UBATCH_TOKENS * _MASK_BYTES
    kv = kv_bytes(shape, context_window, windows=windows, sequences=sequences, on_gpu=on_gpu)
    return kv + tokens * per_token + _SCRATCH_BYTES


def _has_scores(tokens: int, on_gpu: bool) -> bool:
    return not on_gpu and tokens <= MOST_SCORES_TOKENS


def largest_window(model: ModelFile, machine: Memory, *, repack: bool) -> int:
    """Return the largest context window, in tokens, that this machine has memory for."""
    window = model.shape.context_length
    free = machine.available - (model.expert_bytes if repack else 0)
    free = min(free, machine.total - model.total_bytes)
    while window > PAD and working_bytes(model.shape, window) > free:
        window = window * 3 // 4 // PAD * PAD
    return window


def in_words(needed_bytes: int, free_bytes: int) -> tuple[str, str]:
    """Return two sizes for people, so that they read differently where they differ."""
    for finer in (1.0, 1e3, 1e6):
        needed, free = (_in_words(n, finer) for n in (needed_bytes, free_bytes))
        if needed != free:
            break
    return needed, free


def _in_words(count_bytes: int, finer: float) -> str:
    """Return a size in GB from one on, in MB, or in bytes; in units `finer` times smaller."""
    for unit, scale, digits in (("GB", 1e9, 1), ("MB", 1e6, 0)):
        if count_bytes >= scale * finer * 0.9995:
            return f"{count_bytes / scale:,.{digits}f} {unit}"
    return f"{count_bytes:,} bytes"
