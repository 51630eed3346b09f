"""llama.cpp as a library: loading it, keeping it quiet, and asking what it can do.

Its log goes nowhere but into a short memory of error lines, which end up in our own messages; the
callback that llama-cpp-python installs prints to the terminal.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from gptoss_cli.errors import EngineError

INSTALL_COMMAND = "python -m pip install --upgrade --force-reinstall llama-cpp-python"
# ggml.h: enum ggml_log_level
_LOG_WARN, _LOG_ERROR, _LOG_CONTINUED = 3, 4, 5
# llama.h: enum llama_model_kv_override_type
_INTEGER, _TEXT = 0, 3
# The libraries of ggml that are there without any GPU; "blas" multiplies on the CPU.
_CPU_LIBRARY = re.compile(r"(?:lib)?ggml(?:-base|-cpu[\w-]*|-blas)?\.[\w.]+$")
_last_lines: collections.deque[str] = collections.deque(maxlen=8)
_previous_level = 0
_library: Any = None
_loading = threading.Lock()
_kept_alive: list[object] = []


def load_library() -> Any:
    """Return llama_cpp's low-level module, loaded once per process.

    Raises EngineError when llama-cpp-python is missing or its shared library cannot be loaded.
    """
    global _library  # noqa: PLW0603 - the shared library is one per process, whoever asks
    with _loading:  # the thread that loads a model and the one that describes it ask at once
        if _library is None:
            # A crash inside ggml would fork gdb for a backtrace; nobody wants to wait for that.
            os.environ.setdefault("GGML_NO_BACKTRACE", "1")
            library = _import_bindings()
            _listen(library)
            library.llama_backend_init()
            _library = library
    return _library


def _import_bindings() -> ModuleType:
    try:
        with _without_high_level("llama_cpp"):
            import llama_cpp.llama_cpp as library  # noqa: PLC0415 - loads the shared library
    except ModuleNotFoundError as error:
        raise EngineError(
            f"llama-cpp-python is not installed ({error}).", hint=INSTALL_COMMAND
        ) from error
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EngineError(
            f"llama-cpp-python cannot be loaded: {first_line}", hint=INSTALL_COMMAND
        ) from error
    return library  # type: ignore[no-any-return]


@contextlib.contextmanager
def _without_high_level(name: str) -> Iterator[None]:
    """Inside, modules of the package `name` are imported without the package itself.

    That imports what nothing here uses (chats, templates, jinja2): a twentieth of a second of every
    start. Whoever imports the package later gets all of it.
    """
    spec = importlib.util.find_spec(name) if name not in sys.modules else None
    if spec is None:
        yield
        return
    package = ModuleType(name)
    package.__spec__ = spec
    package.__path__ = list(spec.submodule_search_locations or ())
    sys.modules[name] = package
    try:
        yield
    finally:
        del sys.modules[name]


def may_have_gpu() -> bool:
    """Whether llama.cpp may have been built for a GPU, told from the files it consists of.

    Loading it takes a third of a second, which is long for who only asks what would fit.
    """
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None or "LLAMA_CPP_LIB_PATH" in os.environ:
        return True
    names = [path.name for path in (Path(spec.origin).parent / "lib").glob("*ggml*")]
    return not names or not all(_CPU_LIBRARY.match(name) for name in names)


def expert_overrides(library: Any, layers: int) -> Any:
    """Return what keeps the experts of the first `layers` in the host's memory.

    An array for ``llama_model_params.tensor_buft_overrides``, which must outlive the loading. The
    pattern is that of llama.cpp's own ``--n-cpu-moe``.
    """
    cpu = library._lib.ggml_backend_cpu_buffer_type  # noqa: SLF001 - exported but not bound
    cpu.restype = ctypes.c_void_p
    overrides = (_BufferTypeOverride * (layers + 1))()  # the last one, all zeros, ends the list
    for i in range(layers):
        overrides[i].pattern = rf"blk\.{i}\.ffn_(up|down|gate|gate_up)_(ch|)exps".encode()
        overrides[i].buffer_type = cpu()
    return overrides


def without_vocabulary(library: Any, size: int) -> Any:
    """Return what keeps llama.cpp from reading the vocabulary, of `size` tokens.

    An array for ``llama_model_params.kv_overrides``, which must outlive the loading. Tokens are
    made and spelled here, so llama.cpp only needs their number, and to sort 200,000 of them and
    their merges into its tables takes longer than all the rest of loading a file that is cached.
    """
    overrides = (library.llama_model_kv_override * 3)()  # the last one, all zeros, ends the list
    overrides[0].key, overrides[0].tag = b"tokenizer.ggml.model", _TEXT
    overrides[0].value.val_str = b"none"
    overrides[1].key, overrides[1].tag = b"gpt-oss.vocab_size", _INTEGER
    overrides[1].value.val_i64 = size
    return overrides


class _BufferTypeOverride(ctypes.Structure):
    # llama.h: struct llama_model_tensor_buft_override
    _fields_ = (("pattern", ctypes.c_char_p), ("buffer_type", ctypes.c_void_p))


def _listen(library: Any) -> None:
    def remember(level: int, text: bytes, _user_data: object) -> None:
        global _previous_level  # noqa: PLW0603 - a continued line has the level of its beginning
        level = _previous_level if level == _LOG_CONTINUED else level
        _previous_level = level
        line = text.decode("utf-8", "replace").strip()
        if level >= _LOG_WARN and line:
            _last_lines.append(line if level == _LOG_ERROR else f"warning: {line}")

    callback = library.llama_log_callback(remember)
    _kept_alive.append(callback)
    library.llama_log_set(callback, ctypes.c_void_p(0))


def silence_for_exit() -> None:
    """Give llama.cpp a log function that is no Python: it may still log while the process ends."""
    if _library is not None:
        libc = _c_library()
        # abs() takes an int and has no effect: the signature of a log callback that does nothing.
        quiet = ctypes.cast(libc.abs, _library.llama_log_callback)
        _library.llama_log_set(quiet, ctypes.c_void_p(0))


def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL("msvcrt" if os.name == "nt" else None)


def forget_log() -> None:
    """Forget old lines, before an operation whose failure should be explained."""
    _last_lines.clear()


def explain_log() -> str:
    """Return llama.cpp's reason as one line: its first error, which the others repeat."""
    errors = [line for line in _last_lines if not line.startswith("warning: ")]
    lines = errors or list(_last_lines)
    return lines[0].rstrip(".") if lines else "it gives no reason"


def abort_function(library: Any) -> Any:
    """Return a C function pointer that tells whether a flag (a C string) is set.

    ``strlen`` of the flag is 0 or 1, which is what an abort callback returns. A Python callback
    would take the GIL after every node of the graph, more than 1,000 times a token.
    """
    libc = _c_library()
    return ctypes.cast(libc.strlen, library.ggml_abort_callback)


def versions() -> dict[str, str]:
    """Return the versions of llama.cpp and of its bindings, and what llama.cpp was built for."""
    from importlib import metadata  # noqa: PLC0415 - no small part of a start

    library = load_library()
    return {
        "llama_cpp": library.llama_version().decode(errors="replace"),
        "llama_cpp_python": metadata.version("llama-cpp-python"),
        "features": library.llama_print_system_info().decode(errors="replace").strip(" |"),
    }


def lacks_avx2() -> bool:
    """Whether llama.cpp runs on an x86 processor without AVX2 (or was built without it)."""
    features = load_library().llama_print_system_info().decode()
    return "SSE3 = 1" in features and "AVX2 = 1" not in features
