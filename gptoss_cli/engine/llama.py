"""gpt-oss on llama.cpp: one model, tokens in and tokens out.

Everything that touches the context runs on the one worker thread of ``LlamaTokenGenerator``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
from gptoss_cli.engine.prefill import decode_prompt, read_ahead, read_beginning
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
_LOOK_S: Final = 0.02  # Enter waits so long at most for what is done in idle time to be left


class LlamaTokenGenerator:
    """A ``TokenGenerator`` on llama.cpp. Loading begins at once, on the worker thread."""

    def __init__(self, options: LlamaOptions) -> None:
        self._options = options
        self._context = LlamaContext(options)
        self._reuse = Reuse(options.kept_at, self._context.key)
        self._load_cancel = Cancel()
        self._has_loaded = threading.Event()
        self._ahead: _Ahead | None = None
        self._is_closed = False
        self.load_s = 0.0
        """How long loading the weights took, once it is done."""
        self._worker = Worker("gptoss-engine")
        self._loading = self._worker.submit(self._load)

    def window_for(self, prompt_tokens: int) -> int:
        """Return the context window, in tokens, that a prompt of this length will meet."""
        options = self._options
        if self._context.window:
            return self._context.window
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
            self._has_loaded.clear()
            self._loading = self._worker.submit(self._load)
        yield from self._wait_until_loaded(cancel)
        yield from self._wait_for_beginning(prompt, cancel)
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
            if not self._context.window:
                self._context.open(self._options.context_window)
            self._context.reserve(self._context.window)
            job(self._context, put)

        return self._worker.submit(run)

    def prefill(
        self,
        prompt: Sequence[int],
        *,
        cancel: Cancel,
        beginning: Beginning = NO_BEGINNING,
        turn_starts: Sequence[int] = (),
    ) -> None:
        """Decode `prompt` in idle time; see ``TokenGenerator``.

        What is being computed of the beginning when `cancel` is set goes on behind whoever called:
        the first prompt needs it, and ends it if it does not. How loading goes is left to who needs
        the model.
        """
        while not self._has_loaded.wait(_LOOK_S):
            if cancel.is_set():
                return
        if cancel.is_set() or self._is_closed or not self._context.is_loaded:
            return
        context, window, halt = self._context, self.window_for(len(prompt)), Cancel()

        def read(put: Callable[[None], None]) -> None:
            if not context.window:
                context.open(window, expected=len(prompt))
            if read_beginning(context, self._reuse, prompt, beginning, cancel, halt):
                put(None)
                read_ahead(context, self._reuse, prompt, turn_starts, cancel, halt)

        tokens = list(prompt[: max(beginning.ends, default=0)])
        if self._ahead is not None and self._ahead.tokens != tokens:
            self._ahead.halt.set()  # nobody will go on from there
        reading: Stream[None] = self._worker.submit(read)
        self._ahead = _Ahead(tokens, halt, reading)
        has_begun = False
        while not reading.done and not (cancel.is_set() and not has_begun):
            for _ in reading.poll(_LOOK_S):
                has_begun = True

    def put_away(self, prompt: Sequence[int], session_id: str) -> None:
        """Keep what is in the cache of `prompt`; see ``TokenGenerator``."""

        def keep(_put: Callable[[GenerationStep], None]) -> None:
            if self._context.window:
                self._reuse.put_away(self._context.kv, prompt, session_id)

        self._worker.submit(keep)

    def close(self) -> None:
        """Stop the worker and free the model. Can be called twice."""
        self._is_closed = True
        self._load_cancel.set()
        if self._ahead is not None:
            self._ahead.halt.set()
        self._worker.close(last=self._context.close)
        self._reuse.close()

    def _load(self, put: Callable[[GenerationStep], None]) -> None:
        began = time.monotonic()
        try:
            self._context.load(lambda fraction: put(LoadProgress(fraction)), self._load_cancel)
        finally:
            self._has_loaded.set()
        self.load_s = time.monotonic() - began

    def _wait_until_loaded(self, cancel: Cancel) -> Iterator[GenerationStep]:
        while not self._loading.done:
            yield from self._loading.poll()
            if cancel.is_set():
                self._load_cancel.set()

    def _wait_for_beginning(
        self, prompt: Sequence[int], cancel: Cancel
    ) -> Iterator[PromptProgress]:
        """Let what is being read ahead come to the end of its piece if `prompt` begins with it."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.reading.drain_for(0.0):
            return
        is_wanted = list(prompt[: len(ahead.tokens)]) == ahead.tokens
        began, has_told = time.monotonic(), False
        yield PromptProgress(0, len(prompt), 0.0)
        while not ahead.reading.drain_for(_LOOK_S):
            if cancel.is_set() or not is_wanted:
                ahead.halt.set()
            waited_s = time.monotonic() - began
            if waited_s >= _PATIENCE_S and not has_told:
                has_told = True
                yield PromptProgress(0, len(prompt), waited_s)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What is read ahead: up to where it is a beginning, what ends that within a piece, the job."""

    tokens: list[int]
    halt: Cancel
    reading: Stream[None]


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
        if not context.window:
            context.open(window, expected=len(prompt))
        context.obey(self._cancel)
        self._reuse.fetch(context, prompt, beginning)
        cached = context.kv.rewind(prompt)
        put(PromptProgress(cached, len(prompt), 0.0))
        prefill_from = time.monotonic()
        whole = decode_prompt(
            context,
            self._reuse,
            prompt,
            beginning=beginning,
            turn_starts=turn_starts,
            is_stopped=self._cancel.is_set,
            report=lambda done: put(
                PromptProgress(done, len(prompt), time.monotonic() - prefill_from)
            ),
        )
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
