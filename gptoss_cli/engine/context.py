"""One model and one context of llama.cpp, on its low-level bindings.

The high-level ``llama_cpp.Llama`` is not used: it cannot reach several parameters that gpt-oss
needs (one output row, a choice of attention) and its prefix reuse corrupts a sliding-window cache.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gptoss_cli import machine
from gptoss_cli.engine import bindings, readahead
from gptoss_cli.engine.base import (
    Cancel,
)
from gptoss_cli.engine.kv import KVCache
from gptoss_cli.engine.kv_key import kv_key
from gptoss_cli.engine.reuse import Place
from gptoss_cli.errors import (
    DoesNotFitError,
    EngineError,
    ModelFileError,
)

UBATCH_TOKENS: Final = 512
# On a CPU as fast as 512 (benchmarks/RESULTS.md), with progress four times as often.
CPU_UBATCH_TOKENS: Final = 128
# Attention that is not fused holds a score for each head of each token of a piece and each before
# it. Pieces shrink as those grow; less than 32 tokens at once are much slower.
MOST_SCORES_TOKENS: Final = 32_768
SCORES_AT_ONCE: Final = 128 * 4096
LEAST_PIECE_TOKENS: Final = 32
# llama.cpp fills a cache with zeros when it makes it, and few conversations need all of theirs.
# Steps are large: each lays what is there in the cache anew, and needs the memory for a copy of it.
_CELLS: Final = (512, 2_048, 8_192)
_MARGIN_BYTES: Final = 64 << 20
_CHECKPOINT_BUDGET_BYTES: Final = 64 << 20
_LESS: Final = "close other programs, or use a smaller --context"
_PROGRESS_EVERY_S: Final = 0.1
_DECODED, _NO_SLOT, _ABORTED = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOptions:
    """What to load and how.

    ``paths``: the parts of the model, the first first. ``context_window`` in tokens; a first
    prompt that needs more gets more, up to ``largest_window``.
    ``repack``: convert the experts to the CPU's own layout while loading. What that costs, and
    ``gpu_layers`` and ``cpu_expert_layers``: see engine/placement.py. ``kept_at``: where KV states
    are kept; None: nowhere. ``cell_bytes``: what a token takes in the layers that see all of the
    context; 0: unknown, and no memory is looked for where a context grows.
    """

    paths: tuple[Path, ...]
    context_window: int
    largest_window: int
    vocabulary_size: int
    threads: int
    repack: bool = False
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    kept_at: Place | None = None
    cell_bytes: int = 0


class LlamaContext:
    """The model and its context in memory. Every method belongs to the worker thread."""

    def __init__(self, options: LlamaOptions) -> None:
        self._options = options
        self._library: Any = None
        self._model: Any = None
        self._context: Any = None
        self._kv: KVCache | None = None
        # One batch for all decodes: to make one takes longer than to sample from its logits.
        self._tokens: Any = (ctypes.c_int32 * UBATCH_TOKENS)()
        self._outputs: Any = (ctypes.c_int8 * UBATCH_TOKENS)()
        self._batch: Any = None
        self._obeyed: Cancel | None = None  # llama.cpp reads its flag
        self._row: tuple[int, NDArray[np.float32]] = (0, np.empty(0, dtype=np.float32))
        self._sequences = 1
        self._cells = 0
        self.window = 0
        """How many tokens the open context may come to hold; 0: it is not open."""
        self.computing_s = 0.0
        """What llama.cpp itself took, so far, to decode and to hand over logits."""

    @property
    def ubatch_tokens(self) -> int:
        """How many tokens llama.cpp computes together; a decode of more is cut."""
        return UBATCH_TOKENS if self.is_on_gpu else CPU_UBATCH_TOKENS

    @property
    def piece_tokens(self) -> int:
        """How many tokens of a prompt are decoded at once behind those in the cache."""
        return self.piece_behind(len(self.kv.tokens))

    def piece_behind(self, n_tokens: int) -> int:
        """Return how many tokens are decoded at once behind so many: a power of two."""
        if self.has_flash_attention or n_tokens * self.ubatch_tokens <= SCORES_AT_ONCE:
            return self.ubatch_tokens
        return max(LEAST_PIECE_TOKENS, 1 << (SCORES_AT_ONCE // n_tokens).bit_length() - 1)

    @property
    def has_flash_attention(self) -> bool:
        """Whether llama.cpp fuses attention, as the open context has it; see ``_fuses``."""
        return self._fuses(self.window)

    @property
    def is_on_gpu(self) -> bool:
        """Whether a GPU computes some layers: nothing stops a decode there before its end."""
        return self._options.gpu_layers > 0

    def load(self, report: Callable[[float], None], cancel: Cancel) -> None:
        """Load the weights; `report` gets fractions from 0 to 1, at most ten times a second.

        Raises ModelFileError if they cannot be loaded.
        """
        report = _paced(report)
        self._library = library = bindings.load_library()
        readahead.read_ahead(self._options.paths, report, cancel)
        parameters = library.llama_model_default_params()
        parameters.n_gpu_layers = self._options.gpu_layers
        if self._options.cpu_expert_layers:
            overrides = bindings.expert_overrides(library, self._options.cpu_expert_layers)
            parameters.tensor_buft_overrides = ctypes.addressof(overrides)
        vocabulary = bindings.without_vocabulary(library, self._options.vocabulary_size)
        parameters.kv_overrides = vocabulary
        parameters.use_extra_bufts = self._options.repack
        parameters.load_mode = library.LLAMA_LOAD_MODE_MMAP

        def progress(fraction: float, _user_data: object) -> bool:
            report(fraction)
            return not cancel.is_set()

        callback = library.llama_progress_callback(progress)
        parameters.progress_callback = callback
        bindings.forget_log()
        path = str(self._options.paths[0]).encode("utf-8", "surrogateescape")
        self._model = library.llama_model_load_from_file(path, parameters)
        if not self._model and not cancel.is_set():
            raise ModelFileError(
                f"llama.cpp cannot load {self._options.paths[0]}: {bindings.explain_log()}.",
                hint="download the model again",
            )

    def open(self, window: int, *, sequences: int = 1, expected: int = 0) -> None:
        """Make the context for `window` tokens, for so many `sequences` together.

        Where it is one on a CPU, it has cells for the `expected` tokens, and ``reserve`` makes
        more of them. DoesNotFitError when there is no memory for it.
        """
        self.window, self._sequences = window, sequences
        self._make(self._cells_for(expected))
        self._batch = self._library.llama_batch(
            token=ctypes.cast(self._tokens, ctypes.POINTER(self._library.llama_token)),
            logits=ctypes.cast(self._outputs, ctypes.POINTER(ctypes.c_int8)),
        )
        self._kv = KVCache(
            self._library,
            self._context,
            self.sliding_window,
            _CHECKPOINT_BUDGET_BYTES,
        )

    def reserve(self, n_tokens: int) -> None:
        """Have cells for `n_tokens`; what is in the cache stays, and its logits go.

        Raises DoesNotFitError if they are more than the window, or there is no memory for them:
        the cache is as it was then. EngineError if there is none even for that any more.
        """
        if n_tokens <= self._cells:
            return
        if n_tokens > self.window:
            raise self._is_full()
        window, had, has = self.window, self._cells, self._cells_for(n_tokens)
        self._require_memory(has)
        try:
            content = self.kv.content()
        except MemoryError:
            raise _lacks_memory(has) from None
        self._library.llama_free(self._context)
        self._context = None
        try:
            self._make(has)
        except DoesNotFitError:
            self.window = window
            self._make_again(had)
            self.kv.move(self._context, content)
            raise
        self.kv.move(self._context, content)

    @property
    def is_loaded(self) -> bool:
        """Whether the weights are there: not before ``load`` ended, nor if it was cancelled."""
        return bool(self._model)

    @property
    def library(self) -> Any:
        """llama.cpp, once the weights are loaded."""
        return self._library

    @property
    def handle(self) -> Any:
        """The open context as llama.cpp knows it."""
        return self._context

    @property
    def vocabulary_size(self) -> int:
        """How many logits a row has."""
        return self._options.vocabulary_size

    @property
    def sliding_window(self) -> int:
        """How many tokens the windowed layers look back at, themselves included."""
        return int(self._library.llama_model_n_swa(self._model))

    @property
    def kv(self) -> KVCache:
        """The cache of the open context."""
        assert self._kv is not None
        return self._kv

    def key(self) -> str:
        """Return what tells this KV from that of other weights, builds and parameters.

        Raises OSError. The length of the context is no part of it: cells depend only on what
        attention it makes possible.
        """
        options = self._options
        placement = (options.repack, options.gpu_layers, options.cpu_expert_layers, self._sequences)
        # As ``open`` has them: what the cache's cells are and in which batches they are computed.
        attention = "flash attention: auto" if self.has_flash_attention else "scores"
        cells = ("f16", "f16", attention, "no rope overrides", "no LoRA")
        batches = (self.ubatch_tokens, self.sliding_window)
        return kv_key(options.paths, self._library, (*placement, *cells, *batches))

    def _cells_for(self, n_tokens: int) -> int:
        """Return how many cells are made where so many tokens are known of."""
        if self.is_on_gpu or self._sequences > 1:
            return self.window
        return next((n for n in _CELLS if n_tokens <= n < self.window), self.window)

    def _require_memory(self, cells: int) -> None:
        """Raise DoesNotFitError where there is none for so many cells, with a copy of those that
        are used: to find that out by using it would end the program, and with it the conversation.
        """
        cell_bytes = self._options.cell_bytes
        needed = (cells - self._cells + len(self.kv.tokens)) * cell_bytes + _MARGIN_BYTES
        if cell_bytes and needed > machine.memory().available:
            raise _lacks_memory(cells)

    def _make_again(self, cells: int) -> None:
        """Make the context that was there a moment ago. EngineError where another program took its
        memory meanwhile: what was in it is lost, and the next prompt is read anew.
        """
        try:
            self._make(cells)
        except DoesNotFitError as error:
            self._kv = None
            raise EngineError(str(error), hint=error.hint) from None

    def _make(self, cells: int) -> None:
        """Make a context of so many cells. DoesNotFitError when there is no memory for it."""
        library = self._library
        parameters = library.llama_context_default_params()
        parameters.n_ctx = cells
        parameters.n_batch = min(UBATCH_TOKENS, cells)  # for more than one the process would abort
        parameters.n_ubatch = min(self.ubatch_tokens, cells)
        parameters.n_outputs_max = self._sequences  # llama.cpp insists on one for each
        parameters.n_seq_max = self._sequences
        parameters.kv_unified = self._sequences > 1  # copies of a sequence share its cells
        parameters.n_threads = parameters.n_threads_batch = self._options.threads
        parameters.flash_attn_type = (
            library.LLAMA_FLASH_ATTN_TYPE_AUTO
            if self.has_flash_attention
            else library.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        parameters.swa_full = False
        parameters.no_perf = True
        bindings.forget_log()
        self._context = library.llama_init_from_model(self._model, parameters)
        if not self._context:
            self.window = self._cells = 0
            raise DoesNotFitError(
                f"llama.cpp cannot make a context of {cells:,} tokens: {bindings.explain_log()}.",
                hint=_LESS,
            )
        self._cells = cells
        self._row = (0, np.empty(0, dtype=np.float32))
        if self._obeyed is not None:
            self.obey(self._obeyed)

    def _is_full(self) -> DoesNotFitError:
        return DoesNotFitError(
            f"the context window of {self.window:,} tokens is full.",
            hint="use a larger --context",
        )

    def _fuses(self, window: int) -> bool:
        """Whether llama.cpp shall fuse attention instead of holding the scores of all heads.

        Not on a CPU, but for windows whose scores would take gigabytes. Its fused kernels there
        take up to five times as long for a single token, and sum in 16 bits below 64 tokens a
        batch, in 32 from there on; without them a prompt is computed the same to the bit however
        it is cut (benchmarks/RESULTS.md, Exactness).
        """
        return self.is_on_gpu or window > MOST_SCORES_TOKENS

    def obey(self, cancel: Cancel) -> None:
        """Let `cancel` stop the following decodes between two nodes of the graph (CPU only)."""
        self._obeyed = cancel
        abort = bindings.abort_function(self._library)
        self._library.llama_set_abort_callback(
            self._context, abort, ctypes.cast(cancel.flag, ctypes.c_void_p)
        )

    def decode(self, tokens: Sequence[int], *, logits: bool) -> bool:
        """Append at most one ubatch of `tokens` to the sequence; False when cancelled."""
        count = len(tokens)
        self.reserve(len(self.kv.tokens) + count)
        self._tokens[:count] = tokens
        self._outputs[count - 1] = logits
        self._batch.n_tokens = count
        decoded = self.run(self._batch)
        self._outputs[count - 1] = 0
        if decoded:
            self.kv.appended(tokens)
            return True
        self.kv.resync()
        return False

    def run(self, batch: Any) -> bool:
        """Decode a ``llama_batch``; False when cancelled. Raises DoesNotFitError, EngineError."""
        began = time.perf_counter()
        code = self._library.llama_decode(self._context, batch)
        self.computing_s += time.perf_counter() - began
        if code == _NO_SLOT:
            raise self._is_full()
        if code not in {_DECODED, _ABORTED}:
            raise EngineError(
                f"llama.cpp failed to decode (code {code}): {bindings.explain_log()}."
            )
        return bool(code == _DECODED)

    def synchronize(self) -> None:
        """Wait until what was decoded is computed: a GPU is told of more than it has done."""
        self._library.llama_synchronize(self._context)

    def logits(self) -> NDArray[np.float32]:
        """Return the logits of the last decoded token, shape [vocabulary size], not copied."""
        began = time.perf_counter()
        pointer = self._library.llama_get_logits_ith(self._context, -1)  # waits for a GPU
        self.computing_s += time.perf_counter() - began
        if not pointer:
            raise EngineError("llama.cpp has no logits after a decode.")
        address = ctypes.addressof(pointer.contents)
        if self._row[0] != address:  # it stays the same for as long as the context needs no more
            row = np.ctypeslib.as_array(pointer, shape=(self._options.vocabulary_size,))
            self._row = (address, row)
        return self._row[1]

    def close(self) -> None:
        """Free context and model; can be called twice."""
        if self._context:
            self._library.llama_free(self._context)
        if self._model:
            self._library.llama_model_free(self._model)
        self._context = self._model = self._kv = self._batch = None
        self._row = (0, np.empty(0, dtype=np.float32))


def _lacks_memory(cells: int) -> DoesNotFitError:
    return DoesNotFitError(f"there is no memory for a context of {cells:,} tokens.", hint=_LESS)


def _paced(report: Callable[[float], None]) -> Callable[[float], None]:
    """Return `report` for who has something to tell far more often than anybody wants to hear."""
    reported = time.monotonic()

    def pace(fraction: float) -> None:
        nonlocal reported
        now = time.monotonic()
        if now - reported >= _PROGRESS_EVERY_S:
            reported = now
            report(fraction)

    return pace
