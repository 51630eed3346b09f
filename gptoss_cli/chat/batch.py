"""Many questions, each by itself, and a record for every one, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from gptoss_cli.characters import hangul_composed
from gptoss_cli.chat.batch_line import InputLine, Question, read_question
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.errors import DoesNotFitError, GptossError, UsageError
from gptoss_cli.events import (
    AnalysisDelta,
    Event,
    FinalDelta,
    Finished,
    FinishReason,
    LoadProgress,
    figures,
)
from gptoss_cli.messages import Conversation, user

VERSION: Final = 1
"""Of the records: it changes when a key changes its meaning or goes."""

Record = dict[str, Any]

_WAIT_S: Final = 0.1
# Records wait for those before them: so many lines may be ahead of one that takes long.
_MOST_AHEAD: Final = 256


class BatchEngine(Protocol):
    """Conversations in, events out, several at a time (see ``engine.batch_local``)."""

    @property
    def parallel(self) -> int:
        """How many are answered together."""

    @property
    def pending(self) -> int:
        """How many were asked and are not finished."""

    def ask(
        self,
        key: int,
        conversation: Conversation,
        *,
        sampling: Sampling,
        max_tokens: int | None,
        thinking: bool = True,
    ) -> None:
        """Have `conversation` answered. Raises DoesNotFitError when it fills the window."""

    def poll(self) -> Iterator[tuple[int, Event] | LoadProgress]:
        """Yield what comes within a moment."""


class LineSource(Protocol):
    """Where the lines come from."""

    @property
    def has_ended(self) -> bool:
        """Whether no line will come any more."""

    def take(self, wait_s: float) -> InputLine | None:
        """Return the next line if there is one within `wait_s` seconds."""


@dataclass(slots=True)
class Progress:
    """How far a batch is: lines with a record, those of before included, and tokens written now.

    ``loaded`` is the fraction of the weights that is loaded while they are, else None.
    """

    lines: int = 0
    failed: int = 0
    cut_off: int = 0
    tokens: int = 0
    loaded: float | None = None


@dataclass(slots=True)
class _Asked:
    """A line on its way to a record."""

    question: Question
    final: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    record: Record | None = None


class Batch:
    """Answers the lines of `source` with `engine`; what they do not say is as in `settings`.

    `done` are the digests of the lines that have records already, from an earlier run; they are not
    answered again. ``progress`` is kept up to date.
    """

    def __init__(
        self,
        engine: BatchEngine,
        source: LineSource,
        settings: ChatSettings,
        *,
        show_thinking: bool = False,
        done: tuple[str, ...] = (),
    ) -> None:
        self._engine = engine
        self._source = source
        self._settings = settings
        self._show_thinking = show_thinking
        self._done = done
        self._asked: dict[int, _Asked] = {}
        self._met = 0
        self.progress = Progress()

    def records(self, cancel: Cancel, on_tick: Callable[[], None]) -> Iterator[Record]:
        """Yield a record for each line, in their order, until the end or `cancel`.

        `on_tick` is called ten times a second or more often. Raises UsageError when the lines are
        not those of `done`, and what the engine raises.
        """
        while not cancel.is_set():
            self._take_lines()
            if self._engine.pending:
                for step in self._engine.poll():
                    self._hear(step)
            yield from self._in_order()
            on_tick()
            if self._source.has_ended and not self._asked:
                break
        if not cancel.is_set() and self._met < len(self._done):
            raise UsageError(
                f"the input has {self._met:,} lines, and there are {len(self._done):,} answers.",
                hint="--resume takes the same input; another output: -o FILE",
            )

    def _take_lines(self) -> None:
        """Ask what is there to ask, two for each sequence; wait for it if nothing else is done."""
        engine, source = self._engine, self._source
        while not source.has_ended and len(self._asked) < _MOST_AHEAD:
            if engine.pending >= 2 * engine.parallel:
                return
            line = source.take(0.0 if engine.pending else _WAIT_S)
            if line is None:
                return
            self._met += 1
            if line.index < len(self._done):
                self._pass_over(line)
            else:
                self._ask(line)

    def _pass_over(self, line: InputLine) -> None:
        if line.sha256 != self._done[line.index]:
            raise UsageError(
                f"line {line.number:,} of the input is not the one that was answered.",
                hint="--resume takes the same input; another output: -o FILE",
            )
        self.progress.lines += 1

    def _ask(self, line: InputLine) -> None:
        question = read_question(line, self._settings)
        asked = self._asked[line.index] = _Asked(question)
        fault, settings = question.fault, question.settings
        if fault is None:
            try:
                self._engine.ask(
                    line.index,
                    settings.conversation((user(hangul_composed(question.prompt)),)),
                    sampling=settings.sampling,
                    max_tokens=settings.max_tokens,
                    thinking=settings.thinking,
                )
            except DoesNotFitError as error:
                fault = error
        if fault is not None:
            asked.record = self._record(asked, None, fault)

    def _hear(self, step: tuple[int, Event] | LoadProgress) -> None:
        if isinstance(step, LoadProgress):
            self.progress.loaded = step.fraction
            return
        self.progress.loaded = None
        key, event = step
        asked = self._asked[key]
        match event:
            case FinalDelta(text):
                asked.final.append(text)
            case AnalysisDelta(text) if self._show_thinking:
                asked.thinking.append(text)
            case Finished():
                self.progress.tokens += event.usage.completion_tokens
                asked.record = self._record(asked, event, _failure(event, asked.final))
            case _:
                pass

    def _in_order(self) -> Iterator[Record]:
        while self._asked:
            index = next(iter(self._asked))
            record = self._asked[index].record
            if record is None:
                return
            del self._asked[index]
            progress = self.progress
            progress.lines += 1
            progress.failed += record["error"] is not None
            progress.cut_off += record["finish_reason"] == FinishReason.LENGTH
            yield record

    def _record(self, asked: _Asked, end: Finished | None, error: GptossError | None) -> Record:
        question = asked.question
        line = question.line
        record: Record = {
            "version": VERSION,
            "index": line.index,
            "line": line.number,
            "input_sha256": line.sha256,
            "id": question.id,
            "final": "".join(asked.final) if end else None,
        }
        if self._show_thinking:
            record["thinking"] = "".join(asked.thinking) if end else None
        return record | {
            **figures(end),
            "seed": question.settings.sampling.seed if end else None,
            "error": error.members if error else None,
        }


def _failure(end: Finished, final: list[str]) -> GptossError | None:
    if end.reason is FinishReason.TOOL_CALLS:
        return GptossError("the model called a tool instead of answering.")
    if end.reason is FinishReason.STOP and not final:
        return GptossError("the model ended without an answer.")
    return None
