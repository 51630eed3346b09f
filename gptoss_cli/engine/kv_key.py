"""What decides the KV of tokens, as one short text: the same key, the same KV to the bit.

The weights are told by length, times and a sample of their bytes: reading 12 GB to name them would
take longer than what is saved. The time of the last change of a file's inode cannot be set back, so
that a file which changes in place is another one, also when its length and its date stay.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from gptoss_cli.engine.kv_file import FORMAT

_BEGINNING_BYTES: Final = 1 << 20
_SAMPLES: Final = 8
_SAMPLE_BYTES: Final = 4096
_KEY_BYTES: Final = 10


def kv_key(paths: Sequence[Path], library: Any, decides: Sequence[object]) -> str:
    """Return the key for the model in `paths` on llama.cpp (`library`); `decides`: all else that
    the KV depends on, as JSON takes it. Raises OSError.
    """
    told = {
        "format": FORMAT,
        "weights": [_weights(path) for path in paths],
        "bindings": _binaries(library),
        "processor": library.llama_print_system_info().decode("utf-8", "replace"),
        "byteorder": sys.byteorder,
        "decides": list(decides),
    }
    text = json.dumps(told, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).hexdigest()


def _weights(path: Path) -> list[object]:
    with path.open("rb", buffering=0) as file:
        about = os.fstat(file.fileno())
        times = (about.st_mtime_ns, about.st_ctime_ns)
        return [about.st_size, *times, _sample(file, about.st_size)]


def _sample(file: BinaryIO, size: int) -> str:
    digest = hashlib.blake2b(file.read(_BEGINNING_BYTES), digest_size=_KEY_BYTES)
    for i in range(1, _SAMPLES + 1):
        file.seek(max(size * i // _SAMPLES - _SAMPLE_BYTES, 0))
        digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def _binaries(library: Any) -> list[object]:
    """Return what tells this build of llama.cpp from others, also of the same version."""
    folder = Path(library._lib._name).parent  # noqa: SLF001 - where ctypes found it
    files = sorted(path for path in folder.iterdir() if "ggml" in path.name or "llama" in path.name)
    stats = [(path.name, path.stat()) for path in files if path.is_file()]
    return [(name, s.st_size, s.st_mtime_ns) for name, s in stats]
