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
CPU_UBATCH_TOKENS: Final = 128
# On a CPU, up to windows of so many tokens, attention is not fused (``engine.context``).
MOST_SCORES_TOKENS: Final = 32_768
SCORES_AT_ONCE: Final = 128 * 4096
LEAST_PIECE_TOKENS: Final = 32
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
    windowed = min(tokens, shape.window * sequences + _ubatch_tokens(on_gpu))
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
    mask = tokens * _ubatch_tokens(on_gpu) * _MASK_BYTES
    is_fused = on_gpu or tokens > MOST_SCORES_TOKENS
    scores = 0 if is_fused else _most_scores(tokens, windows) * shape.heads
    kv = kv_bytes(shape, context_window, windows=windows, sequences=sequences, on_gpu=on_gpu)
    return kv + mask + scores * _SCORE_BYTES + _SCRATCH_BYTES


def _ubatch_tokens(on_gpu: bool) -> int:
    return UBATCH_TOKENS if on_gpu else CPU_UBATCH_TOKENS


def _most_scores(tokens: int, windows: int) -> int:
    """Return how many scores a head has at most, as pieces are cut behind up to so many tokens.

    Beside a piece of one prompt there may be a token of the answer in each other window.
    """
    of_pieces = max(SCORES_AT_ONCE, tokens * LEAST_PIECE_TOKENS)
    return min(tokens * CPU_UBATCH_TOKENS, of_pieces + tokens * (windows - 1))


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
