"""Where the model runs: threads, layers on the GPU, and whether repacking pays."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import Any, Final

from gptoss_cli.engine import bindings
from gptoss_cli.machine import usable_cores

_GPU_MARGIN_BYTES: Final = 1 << 30
# ggml-backend.h: enum ggml_backend_dev_type
_GPU_TYPES: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Placement:
    """How to run: ``gpu_layers`` counts the output layer too, ``device`` is a name for people."""

    device: str
    threads: int
    gpu_layers: int
    repack: bool


def place(
    *,
    weights_bytes: int,
    layers: int,
    working_bytes: int,
    threads: int | None,
    repack: bool | None,
) -> Placement:
    """Choose for this machine; `threads` and `repack` are what the person asked for, or None.

    With a GPU, as many layers as its free memory holds beside `working_bytes` (KV and buffers).
    Repacking converts the experts while loading: 10 s or more and private memory of their size
    for a third more speed, so that it pays after some 800 generated tokens (RESULTS.md). It is
    off unless asked for; llama.cpp would do it always.
    """
    count = threads or usable_cores()  # one thread a core is fastest
    devices = _gpus()
    if not devices:
        return Placement("CPU", count, 0, repack is True)
    name, free_bytes = max(devices, key=lambda device: device[1])
    room = free_bytes - working_bytes - _GPU_MARGIN_BYTES
    per_layer = weights_bytes / (layers + 1)
    fitting = max(0, min(layers + 1, math.floor(room / per_layer)))
    return Placement(name if fitting else "CPU", count, fitting, repack is True)


def _gpus() -> list[tuple[str, int]]:
    """Return name and free bytes of the GPUs llama.cpp can use."""
    library = bindings.load_library()
    if not library.llama_supports_gpu_offload():
        return []
    ggml: Any = library._lib  # noqa: SLF001 - the device functions are exported but not bound
    try:
        ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
        ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
        ggml.ggml_backend_dev_description.restype = ctypes.c_char_p
        found = []
        for index in range(ggml.ggml_backend_dev_count()):
            device = ctypes.c_void_p(ggml.ggml_backend_dev_get(ctypes.c_size_t(index)))
            if ggml.ggml_backend_dev_type(device) in _GPU_TYPES:
                free, total = ctypes.c_size_t(), ctypes.c_size_t()
                ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
                description = ggml.ggml_backend_dev_description(device) or b"GPU"
                found.append((description.decode("utf-8", "replace"), free.value))
    except AttributeError:  # Windows keeps these functions in other libraries
        return [("GPU", 1 << 62)]
    return found
