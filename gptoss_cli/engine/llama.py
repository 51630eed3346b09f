"""gpt-oss on llama.cpp's low-level bindings: one model, one context, tokens in and tokens out.

The high-level ``llama_cpp.Llama`` is not used: it cannot reach several parameters that gpt-oss
needs (one output row, automatic flash attention) and its prefix reuse corrupts a sliding-window
cache. Everything in ``LlamaContext`` runs on the one worker thread of ``LlamaTokenGenerator``.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gptoss_cli.engine import bindings, readahead
from gptoss_cli.engine.base import (
    NO_BEGINNING,
    Beginning,
    Cancel,
    Constraint,
    Generated,
    GenerationStep,
    Sampling,
    window_for,
)
from gptoss_cli.engine.kv import KVCache
from gptoss_cli.engine.kv_key import kv_key
from gptoss_cli.engine.reuse import Place, Reuse
from gptoss_cli.engine.sampling import Sampler
from gptoss_cli.engine.worker import Item, Stream, Worker
from gptoss_cli.errors import (
    DoesNotFitError,
    EngineError,
    ModelFileError,
    UnmetFormError,
    prompt_too_long,
)
from gptoss_cli.events import FinishReason, LoadProgress, PromptProgress

UBATCH_TOKENS: Final = 512
# On a CPU as fast as a whole ubatch (benchmarks/RESULTS.md), with progress four times as often.
_CPU_PIECE_TOKENS: Final = 128
_CHECKPOINT_BUDGET_BYTES: Final = 256 << 20
_PROGRESS_EVERY_S: Final = 0.1
_PATIENCE_S: Final = 1.0
_DECODED, _NO_SLOT, _ABORTED = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaOptions:
    """What to load and how.

    ``paths``: the parts of the model, the first first. ``context_window`` in tokens; a first
    prompt that needs more gets more, up to ``largest_window``.
    ``repack``: convert the experts to the CPU's own layout while loading. What that costs, and
    ``gpu_layers`` and ``cpu_expert_layers``: see engine/placement.py. ``kept_at``: where KV states
    are kept; None: nowhere.
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
        self._row: tuple[int, NDArray[np.float32]] = (0, np.empty(0, dtype=np.float32))
        self._sequences = 1
        self.n_ctx = 0
        self.computing_s = 0.0
        """What llama.cpp itself took, so far, to decode and to hand over logits."""

    @property
    def piece_tokens(self) -> int:
        """How many tokens of a prompt are decoded between two reports of progress."""
        return UBATCH_TOKENS if self._options.gpu_layers else _CPU_PIECE_TOKENS

    def load(self, report: Callable[[float], None], cancel: Cancel) -> None:
        """Load the weights; `report` gets fractions from 0 to 1. ModelFileError if it cannot be."""
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

    def open(self, n_ctx: int, *, sequences: int = 1) -> None:
        """Make the context of `n_ctx` tokens for so many `sequences` together.

        DoesNotFitError when there is no memory for it.
        """
        library = self._library
        parameters = library.llama_context_default_params()
        parameters.n_ctx = n_ctx
        parameters.n_batch = parameters.n_ubatch = min(UBATCH_TOKENS, n_ctx)
        parameters.n_outputs_max = sequences  # llama.cpp insists on one for each
        parameters.n_seq_max = sequences
        parameters.kv_unified = sequences > 1  # copies of a sequence share its cells
        parameters.n_threads = parameters.n_threads_batch = self._options.threads
        parameters.flash_attn_type = library.LLAMA_FLASH_ATTN_TYPE_AUTO
        parameters.swa_full = False
        parameters.no_perf = True
        bindings.forget_log()
        self._context = library.llama_init_from_model(self._model, parameters)
        if not self._context:
            raise DoesNotFitError(
                f"llama.cpp cannot make a context of {n_ctx:,} tokens: {bindings.explain_log()}.",
                hint=f"a smaller context: --context {n_ctx // 2}",
            )
        self.n_ctx = n_ctx
        self._batch = library.llama_batch(
            token=ctypes.cast(self._tokens, ctypes.POINTER(library.llama_token)),
            logits=ctypes.cast(self._outputs, ctypes.POINTER(ctypes.c_int8)),
        )
        self._sequences = sequences
        self._kv = KVCache(
            library,
            self._context,
            self.sliding_window,
            _CHECKPOINT_BUDGET_BYTES,
        )

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

        Raises OSError. The length of the context is no part of it: no cell depends on that.
        """
        options = self._options
        placement = (options.repack, options.gpu_layers, options.cpu_expert_layers, self._sequences)
        # As ``open`` has them: what the cache's cells are and in which batches they are computed.
        cells = ("f16", "f16", "flash attention: auto", "no rope overrides", "no LoRA")
        batches = (UBATCH_TOKENS, self.piece_tokens, self.sliding_window)
        return kv_key(options.paths, self._library, (*placement, *cells, *batches))

    def obey(self, cancel: Cancel) -> None:
        """Let `cancel` stop the following decodes between two nodes of the graph (CPU only)."""
        abort = bindings.abort_function(self._library)
        self._library.llama_set_abort_callback(
            self._context, abort, ctypes.cast(cancel.flag, ctypes.c_void_p)
        )

    def decode(self, tokens: Sequence[int], *, logits: bool) -> bool:
        """Append at most one ubatch of `tokens` to the sequence; False when cancelled."""
        count = len(tokens)
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
            raise DoesNotFitError(
                f"the context window of {self.n_ctx:,} tokens is full.",
                hint="use a larger --context",
            )
        if code not in {_DECODED, _ABORTED}:
            raise EngineError(
                f"llama.cpp failed to decode (code {code}): {bindings.explain_log()}."
            )
        return bool(code == _DECODED)

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


class LlamaTokenGenerator:
    """A ``TokenGenerator`` on llama.cpp. Loading begins at once, on the worker thread."""

    def __init__(self, options: LlamaOptions) -> None:
        self._options = options
        self._context = LlamaContext(options)
        self._reuse = Reuse(options.kept_at, self._context.key)
        self._load_cancel = Cancel()
        self._is_closed = False
        self.load_s = 0.0
        """How long loading the weights took, once it is done."""
        self._worker = Worker("gptoss-engine")
        self._loading = self._worker.submit(self._load)

    def window_for(self, prompt_tokens: int) -> int:
        """Return the context window, in tokens, that a prompt of this length will meet."""
        options = self._options
        if self._context.n_ctx:
            return self._context.n_ctx
        return window_for(prompt_tokens, options.context_window, options.largest_window)

    def generate(
        self,
        prompt: Sequence[int],
        *,
        sampling: Sampling,
        stop: frozenset[int],
        max_tokens: int | None,
        cancel: Cancel,
        constraint: Constraint | None = None,
        beginning: Beginning = NO_BEGINNING,
    ) -> Iterator[GenerationStep]:
        """Yield the continuation of `prompt`; see ``TokenGenerator``."""
        started = time.monotonic()
        if self._is_closed:
            raise EngineError("the model is closed.", hint="/model loads one")
        if self._loading.done and not self._context.is_loaded:  # an earlier load was stopped
            self._load_cancel.clear()
            self._loading = self._worker.submit(self._load)
        yield from self._wait_until_loaded(cancel)
        if cancel.is_set():
            yield Generated(reason=FinishReason.CANCELLED)
            return
        window = self.window_for(len(prompt))
        if len(prompt) >= window:
            hint = "use a larger --context, or a shorter prompt"
            raise prompt_too_long(len(prompt), window, hint=hint)
        loop = _Loop(self._context, self._reuse, sampling, stop, cancel, started, constraint)
        steps: Stream[GenerationStep] = self._worker.submit(
            lambda put: loop.run(list(prompt), beginning, window, max_tokens, put),
        )
        try:
            yield from _patiently(steps)
        finally:
            # Whoever stops listening stops the decode, and leaves a context that can go on.
            if not steps.done:
                cancel.set()
                steps.drain()

    def load(self, cancel: Cancel) -> Iterator[GenerationStep]:
        """Yield how far the weights are, until they are loaded or `cancel` is set."""
        yield from self._wait_until_loaded(cancel)

    def on_context(
        self, job: Callable[[LlamaContext, Callable[[Item], None]], None]
    ) -> Stream[Item]:
        """Run `job`, which puts what it finds, where no other thread may: for measurements.

        The weights are loaded, and the context has the usual window.
        """

        def run(put: Callable[[Item], None]) -> None:
            if not self._context.n_ctx:
                self._context.open(self._options.context_window)
            job(self._context, put)

        return self._worker.submit(run)

    def put_away(self, prompt: Sequence[int], session_id: str) -> None:
        """Keep what is in the cache of `prompt`; see ``TokenGenerator``."""

        def keep(_put: Callable[[GenerationStep], None]) -> None:
            if self._context.n_ctx:
                self._reuse.put_away(self._context.kv, prompt, session_id)

        self._worker.submit(keep)

    def close(self) -> None:
        """Stop the worker and free the model. Can be called twice."""
        self._is_closed = True
        self._load_cancel.set()
        self._worker.close(last=self._context.close)
        self._reuse.close()

    def _load(self, put: Callable[[GenerationStep], None]) -> None:
        reported = time.monotonic()

        def report(fraction: float) -> None:
            nonlocal reported
            now = time.monotonic()
            if now - reported >= _PROGRESS_EVERY_S:
                reported = now
                put(LoadProgress(fraction))

        began = time.monotonic()
        self._context.load(report, self._load_cancel)
        self.load_s = time.monotonic() - began

    def _wait_until_loaded(self, cancel: Cancel) -> Iterator[GenerationStep]:
        while not self._loading.done:
            yield from self._loading.poll()
            if cancel.is_set():
                self._load_cancel.set()


def _patiently(steps: Stream[GenerationStep]) -> Iterator[GenerationStep]:
    """Yield what `steps` has, and where the prompt is once more if its first piece takes long.

    On a CPU it may take ten seconds, in which nobody would hear that the prompt is being read.
    """
    beginning: PromptProgress | None = None
    heard_s = time.monotonic()
    while not steps.done:
        silent = True
        for step in steps.poll():
            silent, beginning, heard_s = False, None, time.monotonic()
            if isinstance(step, PromptProgress) and not step.elapsed_s:
                beginning = step
            yield step
        waited_s = time.monotonic() - heard_s
        if silent and beginning is not None and waited_s >= _PATIENCE_S:
            yield replace(beginning, elapsed_s=waited_s)
            beginning = None


class _Loop:
    """One generation on the worker thread: rewind, prefill, sample and decode."""

    def __init__(
        self,
        context: LlamaContext,
        reuse: Reuse,
        sampling: Sampling,
        stop: frozenset[int],
        cancel: Cancel,
        started: float,
        constraint: Constraint | None,
    ) -> None:
        self._context = context
        self._reuse = reuse
        self._sampling = sampling
        self._stop = stop
        self._cancel = cancel
        self._started = started
        self._constraint = constraint

    def run(
        self,
        prompt: list[int],
        beginning: Beginning,
        window: int,
        max_tokens: int | None,
        put: Callable[[GenerationStep], None],
    ) -> None:
        """Generate; every token, and last the ``Generated``, goes to `put`."""
        context = self._context
        if not context.n_ctx:
            context.open(window)
        context.obey(self._cancel)
        self._reuse.fetch(context.kv, prompt, beginning)
        cached = context.kv.rewind(prompt)
        prefill_from = time.monotonic()
        whole = self._prefill(prompt, cached, beginning, put)
        prefill_s = time.monotonic() - prefill_from
        reason, count, ttft_s = FinishReason.CANCELLED, 0, 0.0
        decode_from, computed_s = time.monotonic(), context.computing_s
        if whole:
            context.kv.checkpoint()
            room = window - len(prompt)
            limit = room if max_tokens is None else min(max_tokens, room)
            reason, count, ttft_s = self._decode(limit, put)
        decode_s = time.monotonic() - decode_from
        put(
            Generated(
                reason=reason,
                prompt_tokens=len(prompt),
                cached_tokens=cached,
                completion_tokens=count,
                prefill_s=prefill_s,
                decode_s=decode_s,
                host_s=decode_s - (context.computing_s - computed_s),
                ttft_s=ttft_s,
                context_used=len(context.kv.tokens),
            )
        )

    def _prefill(
        self,
        prompt: list[int],
        start: int,
        beginning: Beginning,
        put: Callable[[GenerationStep], None],
    ) -> bool:
        context, began = self._context, time.monotonic()
        shared = beginning.n_tokens if beginning.is_first else 0
        put(PromptProgress(start, len(prompt), 0.0))
        while start < len(prompt):
            if self._cancel.is_set():
                return False
            end = min(start + context.piece_tokens, len(prompt))
            if start < shared < end:
                end = shared
            if not context.decode(prompt[start:end], logits=end == len(prompt)):
                return False
            start = end
            if start == shared < len(prompt):
                self._reuse.begun(context.kv, beginning)
                start, shared = len(context.kv.tokens), 0
            put(PromptProgress(start, len(prompt), time.monotonic() - began))
        return True

    def _decode(
        self, limit: int, put: Callable[[GenerationStep], None]
    ) -> tuple[FinishReason, int, float]:
        context, cancel, stop = self._context, self._cancel, self._stop
        sampler = Sampler(self._sampling, len(context.logits()))
        ttft_s = 0.0
        for count in range(limit):
            if cancel.is_set():
                return FinishReason.CANCELLED, count, ttft_s
            token = _draw(sampler, context.logits(), self._constraint)
            if not count:
                ttft_s = time.monotonic() - self._started
            # Handed over before the next decode, so that it is shown while that one computes.
            put(token)
            if token in stop or (self._constraint is not None and self._constraint.is_over):
                return FinishReason.STOP, count + 1, ttft_s
            if count + 1 < limit and not context.decode([token], logits=True):
                return FinishReason.CANCELLED, count + 1, ttft_s
        return FinishReason.LENGTH, limit, ttft_s


def _draw(sampler: Sampler, logits: NDArray[np.float32], constraint: Constraint | None) -> int:
    """Draw the next token; under a `constraint`, one that it accepts.

    The first draw X is from p. It stays if it is in the allowed set A, else one is drawn from p
    given A. So a token a of A comes out with p(a) + (1 - p(A)) p(a)/p(A) = p(a)/p(A): exactly as if
    everything else had been masked first, and most tokens need no mask.
    """
    token = sampler.draw(logits)
    if constraint is None or constraint.accept(token):
        return token
    token = sampler.draw_among(logits, constraint.allowed())
    if not constraint.accept(token):
        raise UnmetFormError("the grammar refuses a token that it allows.", hint="a simpler one")
    return token
