"""Many prompts, several at a time: one decode gives each running sequence its next token.

A sequence that ends makes room for the next prompt, which is read in the same decodes that give the
others their tokens: the weights are read from memory once for all of them. Every sequence has a
``Sampler`` of its own, so that its seed gives the same text whatever runs beside it, up to
rounding. (A grammar would mask the logits in ``_draw``, between the decode and its sampler.)
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from gptoss_cli.engine.base import Cancel, Generated, Sampling
from gptoss_cli.engine.context import LlamaContext, LlamaOptions
from gptoss_cli.engine.reuse import Reuse
from gptoss_cli.engine.sampling import Sampler
from gptoss_cli.engine.sequences import Row, Sequences
from gptoss_cli.engine.worker import Stream, Worker
from gptoss_cli.errors import DoesNotFitError
from gptoss_cli.events import FinishReason, LoadProgress

_WAIT_S: Final = 0.05

BatchStep = tuple[int, int | Generated] | LoadProgress
"""A token or the end of the request with this key; or progress."""

_Put = Callable[[tuple[BatchStep, ...]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """A prompt to go on with, known by its ``key``.

    The first ``prefix_tokens`` of the ``prompt`` are what others are likely to begin with, too.
    ``max_tokens`` bounds the answer; a token of ``stop`` ends it and belongs to it.
    """

    key: int
    prompt: tuple[int, ...]
    prefix_tokens: int
    sampling: Sampling
    stop: frozenset[int]
    max_tokens: int | None


class BatchGenerator:
    """Decodes up to `parallel` requests together. Loading begins at once, on the worker thread.

    `options.context_window` is the window of each.
    """

    def __init__(self, options: LlamaOptions, *, parallel: int) -> None:
        self.window = options.context_window
        self.parallel = parallel
        self._context = LlamaContext(options)
        self._reuse = Reuse(options.kept_at, self._context.key)
        self._cancel = Cancel()
        self._requests: queue.SimpleQueue[BatchRequest] = queue.SimpleQueue()
        self._unwanted: set[int] = set()
        self._worker = Worker("gptoss-batch")
        self._steps: Stream[tuple[BatchStep, ...]] = self._worker.submit(self._run)

    def submit(self, request: BatchRequest) -> None:
        """Queue a request whose prompt is shorter than the window."""
        self._requests.put(request)

    def stop(self, key: int) -> None:
        """End a request early; its ``Generated`` comes as CANCELLED."""
        self._unwanted.add(key)

    def poll(self) -> Iterator[BatchStep]:
        """Yield the next steps if they come within a moment. Raises what went wrong.

        DoesNotFitError, EngineError or ModelFileError: nothing more will come then.
        """
        for steps in self._steps.poll():
            yield from steps

    def close(self) -> None:
        """Stop at once and free the model. Can be called twice."""
        self._cancel.set()
        self._worker.close(last=self._context.close)
        self._reuse.close()

    def _run(self, put: _Put) -> None:
        self._context.load(lambda fraction: put((LoadProgress(fraction),)), self._cancel)
        if self._cancel.is_set():
            return
        sequences = self._open()
        self._context.obey(self._cancel)
        loop = _Loop(sequences, self._context, self._reuse, self.window, self._unwanted, put)
        while not self._cancel.is_set():
            self._admit(loop)
            if loop.is_busy and not loop.step():
                return

    def _open(self) -> Sequences:
        try:
            return Sequences(self._context, self.parallel, self.window)
        except DoesNotFitError as error:
            if self.parallel == 1:
                raise
            hint = f"fewer at once: --parallel {self.parallel // 2}"
            raise DoesNotFitError(str(error), hint=hint) from None

    def _admit(self, loop: _Loop) -> None:
        """Take requests while there are free sequences; wait for one where nothing runs."""
        while loop.has_room:
            try:
                request = self._requests.get(block=not loop.is_busy, timeout=_WAIT_S)
            except queue.Empty:
                return
            if not loop.admit(request):
                return


@dataclass(slots=True)
class _Running:
    """A request in its sequence: ``position`` tokens are decoded, ``waiting`` are not yet."""

    request: BatchRequest
    sequence: int
    sampler: Sampler
    cached_tokens: int
    position: int
    waiting: list[int]
    limit: int
    began: float
    first: float = 0.0
    count: int = 0


class _Loop:
    """What runs together, on the worker thread."""

    def __init__(
        self,
        sequences: Sequences,
        context: LlamaContext,
        reuse: Reuse,
        window: int,
        unwanted: set[int],
        put: _Put,
    ) -> None:
        self._sequences = sequences
        self._reuse = reuse
        self._vocabulary_size = context.vocabulary_size
        self._piece_tokens = context.piece_behind(context.window)
        self._ubatch_tokens = context.ubatch_tokens
        self._window = window
        self._unwanted = unwanted
        self._put = put
        self._running: list[_Running] = []
        self._steps: list[BatchStep] = []

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    @property
    def has_room(self) -> bool:
        return bool(self._sequences.free)

    def admit(self, request: BatchRequest) -> bool:
        """Give `request` a sequence; False when cancelled meanwhile."""
        began = time.monotonic()
        sequences = self._sequences
        prefix = request.prompt[: min(request.prefix_tokens, len(request.prompt) - 1)]
        shared = cached = sequences.shared(prefix)
        if shared < len(prefix):
            state = self._reuse.beginning(prefix)
            if state is not None and sequences.take_prefix(state):
                cached = len(prefix)
            elif sequences.set_prefix(prefix):
                cached = 0
                self._reuse.keep_beginning(sequences.exported_prefix())
            else:
                return False
            shared = len(prefix)
        room = self._window - len(request.prompt)
        running = _Running(
            request=request,
            sequence=sequences.begin(shared),
            sampler=Sampler(request.sampling, self._vocabulary_size),
            cached_tokens=cached,
            position=shared,
            waiting=list(request.prompt[shared:]),
            limit=room if request.max_tokens is None else min(request.max_tokens, room),
            began=began,
        )
        self._running.append(running)
        return True

    def step(self) -> bool:
        """Decode once for all that runs, and draw; False when cancelled."""
        for running in [r for r in self._running if r.request.key in self._unwanted]:
            self._end(running, FinishReason.CANCELLED)
        rows, drawing = self._rows()
        if rows and not self._sequences.decode(rows):
            return False
        for row, running in drawing:
            self._draw(row, running)
        # All of one decode at once: each time costs the threads a change of hands.
        self._put(tuple(self._steps))
        self._steps.clear()
        return True

    def _rows(self) -> tuple[list[Row], list[tuple[int, _Running]]]:
        """Return a token of each answer, pieces of prompts, and which rows are to be drawn from."""
        rows: list[Row] = []
        drawing: list[tuple[int, _Running]] = []
        answering = sum(len(r.waiting) == 1 for r in self._running)
        room = min(self._ubatch_tokens, self._piece_tokens + answering)
        # Answers first: their tokens are one each, and prompts take what is left.
        for running in sorted(self._running, key=lambda r: len(r.waiting) > 1):
            piece = running.waiting[: room - len(rows)]
            del running.waiting[: len(piece)]
            for token in piece:
                rows.append(Row(running.sequence, running.position, token))
                running.position += 1
            if piece and not running.waiting:
                last = rows[-1]
                rows[-1] = Row(last.sequence, last.position, last.token, logits=True)
                drawing.append((len(rows) - 1, running))
        return rows, drawing

    def _draw(self, row: int, running: _Running) -> None:
        request = running.request
        token = running.sampler.draw(self._sequences.logits(row))
        running.count += 1
        if running.count == 1:
            running.first = time.monotonic()
        self._steps.append((request.key, token))
        if token in request.stop:
            self._end(running, FinishReason.STOP)
        elif running.count >= running.limit:
            self._end(running, FinishReason.LENGTH)
        else:
            running.waiting.append(token)

    def _end(self, running: _Running, reason: FinishReason) -> None:
        self._sequences.end(running.sequence)
        self._running.remove(running)
        request, now = running.request, time.monotonic()
        self._unwanted.discard(request.key)
        read_until = running.first or now
        end = Generated(
            reason=reason,
            prompt_tokens=len(request.prompt),
            cached_tokens=running.cached_tokens,
            completion_tokens=running.count,
            prefill_s=read_until - running.began,
            decode_s=now - read_until,
            ttft_s=running.first - running.began if running.first else 0.0,
            context_used=running.position,
        )
        self._steps.append((request.key, end))
