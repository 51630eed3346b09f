"""gpt-oss on llama.cpp: one model, tokens in and tokens out.

Everything that touches the context runs on the one worker thread of ``LlamaTokenGenerator``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
from gptoss_cli.engine.context import LlamaContext, LlamaOptions
from gptoss_cli.engine.prefill import read_ahead, worth_a_cut
from gptoss_cli.engine.reuse import Reuse
from gptoss_cli.engine.sampling import Sampler
from gptoss_cli.engine.worker import Item, Stream, Worker
from gptoss_cli.errors import (
    EngineError,
    UnmetFormError,
    prompt_too_long,
)
from gptoss_cli.events import FinishReason, LoadProgress, PromptProgress

_PATIENCE_S: Final = 1.0


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
        turn_starts: Sequence[int] = (),
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
            lambda put: loop.run(list(prompt), beginning, window, max_tokens, put, turn_starts),
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

    def prefill(
        self, prompt: Sequence[int], *, turn_starts: Sequence[int] = (), cancel: Cancel
    ) -> None:
        """Decode `prompt` in idle time; see ``TokenGenerator``. Loading is never stopped."""
        while not self._loading.done and not cancel.is_set():
            for _ in self._loading.poll():
                pass
        if cancel.is_set() or self._is_closed or not self._context.is_loaded:
            return
        context, window = self._context, self.window_for(len(prompt))

        def read(_put: Callable[[None], None]) -> None:
            if not context.n_ctx:
                context.open(window)
            # What is kept of a longer prompt is wanted: at least one token of that is to follow.
            self._reuse.fetch(context.kv, [*prompt, prompt[-1]], NO_BEGINNING)
            read_ahead(context, prompt, turn_starts, cancel)

        reading: Stream[None] = self._worker.submit(read)
        try:
            for _ in reading:
                pass
        finally:
            if not reading.done:
                cancel.set()
                reading.drain()

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
        began = time.monotonic()
        self._context.load(lambda fraction: put(LoadProgress(fraction)), self._load_cancel)
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
        turn_starts: Sequence[int] = (),
    ) -> None:
        """Generate; every token, and last the ``Generated``, goes to `put`."""
        context = self._context
        if not context.n_ctx:
            context.open(window)
        context.obey(self._cancel)
        self._reuse.fetch(context.kv, prompt, beginning)
        cached = context.kv.rewind(prompt)
        prefill_from = time.monotonic()
        whole = self._prefill(prompt, cached, beginning, turn_starts, put)
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
        turn_starts: Sequence[int],
        put: Callable[[GenerationStep], None],
    ) -> bool:
        context, began = self._context, time.monotonic()
        shared = beginning.n_tokens if beginning.is_first else 0
        cuts = worth_a_cut(turn_starts, start)
        put(PromptProgress(start, len(prompt), 0.0))
        while start < len(prompt):
            if self._cancel.is_set():
                return False
            end = min(start + context.piece_tokens, len(prompt))
            end = min(end, *(cut for cut in (shared, *cuts, end) if cut > start))
            if not context.decode(prompt[start:end], logits=end == len(prompt)):
                return False
            start = end
            if start == shared < len(prompt):
                self._reuse.begun(context.kv, beginning)
                start, shared = len(context.kv.tokens), 0
            if end in cuts:
                context.kv.checkpoint()
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
