"""Whether a model fits this machine's memory, before it is loaded.

The sizes are llama.cpp's: one half of the layers keeps keys and values of the whole context, the
other half of the sliding window and one ubatch, padded to 256 cells.
"""

from __future__ import annotations

from typing import Final

from gptoss_cli.errors import DoesNotFitError
from gptoss_cli.machine import Memory
from gptoss_cli.models.weights import ModelFile, ModelShape

UBATCH_TOKENS: Final = 512
PAD: Final = 256
_MASK_BYTES: Final = 2
_SCRATCH_BYTES: Final = 160 << 20


def kv_bytes(shape: ModelShape, context_window: int) -> int:
    """Return the size of the KV cache for `context_window` tokens, f16, sliding window apart."""
    windowed = min(context_window, shape.window + UBATCH_TOKENS)
    windowed = -(-windowed // PAD) * PAD
    return shape.kv_bytes_per_token * (context_window + windowed)


def working_bytes(shape: ModelShape, context_window: int) -> int:
    """Return what is needed beside the weights: KV cache and compute buffers."""
    mask = context_window * UBATCH_TOKENS * _MASK_BYTES
    return kv_bytes(shape, context_window) + mask + _SCRATCH_BYTES


def largest_window(model: ModelFile, machine: Memory, *, repack: bool) -> int:
    """Return the largest context window, in tokens, that this machine has memory for."""
    window = model.shape.context_length
    free = machine.available - (model.expert_bytes if repack else 0)
    free = min(free, machine.total - model.total_bytes)
    while window > PAD and working_bytes(model.shape, window) > free:
        window = window * 3 // 4 // PAD * PAD
    return window


def require_memory(model: ModelFile, context_window: int, machine: Memory, *, repack: bool) -> None:
    """Raise DoesNotFitError when loading would fail or swap without end.

    Mapped weights may be larger than what is free at the moment, since the page cache gives way,
    but not larger than the memory there is: each token would read them from the disk again.
    """
    working = working_bytes(model.shape, context_window)
    private = working + (model.expert_bytes if repack else 0)
    if private > machine.available:
        smaller = max(1024, context_window // 4 // PAD * PAD)
        raise DoesNotFitError(
            f"{model.name} needs {_gb(private)} beside its weights for a context of "
            f"{context_window:,} tokens; {_gb(machine.available)} are free.",
            hint="--no-repack" if repack else f"a smaller context: -c {smaller}",
        )
    if model.total_bytes + working > machine.total:
        raise DoesNotFitError(
            f"{model.name} needs {_gb(model.total_bytes + working)} of memory; "
            f"this machine has {_gb(machine.total)}.",
            hint="gpt-oss-20b needs a machine with 16 GB",
        )


def _gb(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
