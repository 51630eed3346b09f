"""Where the model runs: threads, and what of it the GPU holds."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import Any, Final

from gptoss_cli.engine import bindings
from gptoss_cli.machine import has_unified_memory, usable_cores

_MARGIN_BYTES: Final = 1 << 30
# One thread a core is fastest, but threads wait for each other at every node of the graph: a model
# this small takes longer to wait than to compute, and far longer when the machine is busy.
_WORTH_THREADS_BYTES: Final = 64 << 20
# What repacking costs and gains: benchmarks/RESULTS.md, which holds figures of no other model.
_REPACKING: Final = "on two cores that takes 50 s for the 20b, and pays after 2,400 tokens"
# ggml-backend.h: enum ggml_backend_dev_type
_DISCRETE, _INTEGRATED = 1, 2


@dataclass(frozen=True, slots=True)
class Placement:
    """How to run: ``device`` is a name for people.

    ``gpu_layers`` counts the output layer too; of the first ``cpu_expert_layers`` of them the
    experts stay in the memory of the host. ``gpu_free_bytes``: what the GPU had free, None without
    one; with ``shares_memory`` that is the host's own memory.
    """

    device: str
    threads: int
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    repack: bool = False
    gpu_free_bytes: int | None = None
    shares_memory: bool = False

    @property
    def weights(self) -> str:
        """What was decided about repacking the weights, and why, for people."""
        if self.gpu_layers:
            return "on the GPU, not repacked: that is for models that only the CPU computes"
        decided = "repacked, as --repack asks" if self.repack else "mapped, not repacked"
        return f"{decided}: {_REPACKING}"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU that llama.cpp would use: a name for people, free bytes, and whose memory that is."""

    name: str
    free_bytes: int
    shares_memory: bool = False


def place(
    *,
    weights_bytes: int,
    expert_bytes: int,
    working_bytes: int,
    layers: int,
    threads: int | None,
    repack: bool,
) -> Placement:
    """Choose for this machine; `threads` and `repack` are what the person asked for.

    A GPU holds all layers, or none. Where its free memory does not suffice for all weights beside
    `working_bytes` (KV and buffers), the experts of some layers stay in the host's: they are nine
    tenths of the weights, but a token needs four of them a layer, and attention is what a GPU is
    good for.

    On the CPU the experts can be repacked while loading, which reads a fifth faster and writes a
    little. Loading then takes fifty seconds instead of one, and private memory of their size; that
    is paid back after some 2,400 tokens (benchmarks/RESULTS.md). So it is done only for who asks,
    while llama.cpp by itself does it always.
    """
    count = threads or (usable_cores() if weights_bytes > _WORTH_THREADS_BYTES else 1)
    for gpu in _gpus():
        room_bytes = gpu.free_bytes - working_bytes - _MARGIN_BYTES
        in_ram = _cpu_expert_layers(weights_bytes, expert_bytes, layers, room_bytes)
        # Where both are one memory, nothing is won by keeping experts out of the GPU's part.
        if in_ram == 0 or (in_ram is not None and not gpu.shares_memory):
            return Placement(
                gpu.name,
                count,
                layers + 1,
                in_ram,
                gpu_free_bytes=gpu.free_bytes,
                shares_memory=gpu.shares_memory,
            )
    return Placement("CPU", count, repack=repack)


def _cpu_expert_layers(
    weights_bytes: int, expert_bytes: int, layers: int, room_bytes: int
) -> int | None:
    """Return the experts of how many layers a GPU has no room for; None if of more than these."""
    lacking_bytes = weights_bytes - room_bytes
    if lacking_bytes > expert_bytes:
        return None
    return max(0, math.ceil(lacking_bytes * layers / expert_bytes))


def _gpus() -> list[Gpu]:
    """Return the GPUs llama.cpp would use, the one with most room first.

    It leaves an integrated one alone where there is a card.
    """
    if not bindings.may_have_gpu():
        return []
    library = bindings.load_library()
    if not library.llama_supports_gpu_offload():
        return []
    ggml: Any = library._lib  # noqa: SLF001 - the device functions are exported but not bound
    found: dict[int, list[Gpu]] = {_DISCRETE: [], _INTEGRATED: []}
    try:
        ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
        ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
        ggml.ggml_backend_dev_description.restype = ctypes.c_char_p
        for index in range(ggml.ggml_backend_dev_count()):
            device = ctypes.c_void_p(ggml.ggml_backend_dev_get(ctypes.c_size_t(index)))
            kind = ggml.ggml_backend_dev_type(device)
            if kind in found:
                free, total = ctypes.c_size_t(), ctypes.c_size_t()
                ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
                name: bytes = ggml.ggml_backend_dev_description(device) or b"GPU"
                shares_memory = kind == _INTEGRATED or has_unified_memory()
                found[kind].append(Gpu(name.decode(errors="replace"), free.value, shares_memory))
    except AttributeError:  # Windows keeps these functions in other libraries
        return [Gpu("GPU", 1 << 62)]
    used = found[_DISCRETE] or found[_INTEGRATED]
    return sorted(used, key=lambda gpu: -gpu.free_bytes)
