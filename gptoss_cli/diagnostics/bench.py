"""The order of measuring, and how it is cut short."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from gptoss_cli.diagnostics import throughput
from gptoss_cli.diagnostics.one_shot import first_token_s
from gptoss_cli.diagnostics.results import (
    HOST_COST,
    LOAD,
    MILLISECONDS,
    NEXT_TURN,
    ONE_SHOT,
    RATE,
    SECONDS,
    Plan,
    Results,
)
from gptoss_cli.diagnostics.turns import next_turns
from gptoss_cli.engine.base import Generated

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel, Engine, Sampling
    from gptoss_cli.engine.llama import LlamaTokenGenerator
    from gptoss_cli.messages import Conversation

Report = Callable[[str, int, int, float], None]
"""Called with a test's name, which repetition it is of how many, and the fraction that is done."""

_MOST_ONE_SHOTS: Final = 3
_QUICK_REPETITIONS: Final = 3
# Of a larger file a new process takes longer than a quick look may.
_QUICK_ONE_SHOT_BYTES: Final = 1 << 30
_QUICK_ONE_SHOT_SHARE: Final = 0.3
_QUICK_SHARE: Final = 0.3
_HOST_TOKENS: Final = 64
_TURN_TOKENS: Final = 32
_LEAST_READING: Final = 16
_PROBE_TOKENS: Final = 32
_TRIED_TOKENS: Final = 2


class Bench:
    """Measures by `plan`, as long as `cancel` is not set; in ``results`` is what is done.

    What a test had when it was cancelled is given up, except for its whole repetitions. With a
    quick plan, `until_s` is the ``time.monotonic`` at which somebody will cancel.
    """

    def __init__(self, plan: Plan, cancel: Cancel, report: Report, *, until_s: float) -> None:
        self._plan = plan
        self._cancel = cancel
        self._report = report
        self._until_s = until_s
        self.results = Results()

    def one_shots(self, command: Sequence[str], weights_bytes: int) -> None:
        """Time new processes, before the weights are loaded here: there may be room for one."""
        samples: list[float] = []
        is_quick, count = self._plan.is_quick, min(self._repetitions, _MOST_ONE_SHOTS)
        enough_s = time.monotonic() + (self._until_s - time.monotonic()) * _QUICK_ONE_SHOT_SHARE
        if not is_quick or weights_bytes <= _QUICK_ONE_SHOT_BYTES:
            # The first one leaves behind what the next ones find.
            for i in range(0 if is_quick else -1, count):
                if self._cancel.is_set() or (samples and time.monotonic() >= enough_s):
                    break
                self._report(ONE_SHOT, i + 1, count, 0.0)
                seconds = first_token_s(command, self._cancel)
                if seconds is not None and i >= 0:
                    samples.append(seconds)
        self.results.add(ONE_SHOT, SECONDS, samples)

    def loaded(
        self,
        generator: LlamaTokenGenerator,
        engine: Engine,
        conversation: Conversation,
        sampling: Sampling,
    ) -> None:
        """Measure all that is measured in this process; `conversation` is that of a new chat."""
        for _ in generator.load(self._cancel):
            self._report(LOAD, 0, 1, 0.0)
        is_loaded = not self._cancel.is_set()
        self.results.add(LOAD, SECONDS, [generator.load_s] if is_loaded else [])
        self._throughput(generator)
        self._host_cost(generator, sampling)
        turns = self._turns(engine, conversation, sampling)
        self.results.add(NEXT_TURN, SECONDS, turns)

    @property
    def _repetitions(self) -> int:
        most = _QUICK_REPETITIONS if self._plan.is_quick else self._plan.repetitions
        return min(self._plan.repetitions, most)

    def _throughput(self, generator: LlamaTokenGenerator) -> None:
        plan = self._plan
        reading, writing = plan.prompt_tokens, plan.generated_tokens
        if plan.is_quick and not self._cancel.is_set():
            reading, writing = self._fitting(generator)
            if plan.prompt_tokens and not reading:
                self.results.left_out.append(plan.reading(plan.prompt_tokens))
        for count, name, job in (
            (reading, plan.reading(reading), throughput.reading),
            (writing, plan.writing(writing), throughput.writing),
        ):
            if count:
                self._rates(generator, name, count, job)

    def _fitting(self, generator: LlamaTokenGenerator) -> tuple[int, int]:
        """Return how many tokens to read and to write, so that a few seconds are enough."""
        plan, probe = self._plan, _PROBE_TOKENS

        def each_s(job: throughput.Job, count: int) -> float:
            seconds = self._time(generator, "", 0, 0, job)
            return max(seconds or 0.0, 1e-6) / count

        each_s(throughput.writing(1, 0, self._cancel), 1)
        write_s = read_s = each_s(throughput.writing(_TRIED_TOKENS, 0, self._cancel), _TRIED_TOKENS)
        left_s = self._until_s - time.monotonic()
        if write_s * probe < left_s / 10:
            read_s = each_s(throughput.reading(probe, 0, self._cancel), probe)
        share_s = left_s * _QUICK_SHARE / (self._repetitions + 1)
        reading = _fitting(plan.prompt_tokens, share_s / read_s)
        if reading < min(_LEAST_READING, plan.prompt_tokens):
            reading = 0
        writing = _fitting(plan.generated_tokens, share_s / write_s)
        if writing < min(_TRIED_TOKENS, plan.generated_tokens) and not plan.depth_tokens:
            # Slower than that: what was tried is all there will be.
            tried = [] if self._cancel.is_set() else [1 / write_s]
            self.results.add(plan.writing(_TRIED_TOKENS), RATE, tried)
            writing = 0
        return reading, writing

    def _rates(
        self,
        generator: LlamaTokenGenerator,
        name: str,
        count: int,
        job: Callable[[int, int, Cancel], throughput.Job],
    ) -> None:
        is_reading = job is throughput.reading
        samples: list[float] = []
        for i in range(-1, self._repetitions):  # llama-bench, too, runs once before it measures
            if self._cancel.is_set():
                break
            now = count if is_reading or i >= 0 else 1
            run = job(now, self._plan.depth_tokens, self._cancel)
            seconds = self._time(generator, name, i, now, run)
            if seconds is not None and i >= 0:
                samples.append(now / seconds)
        self.results.add(name, RATE, samples)

    def _time(
        self, generator: LlamaTokenGenerator, name: str, i: int, count: int, job: throughput.Job
    ) -> float | None:
        for step in generator.on_context(job):
            if isinstance(step, float):
                return step
            if count:
                self._report(name, i + 1, self._repetitions, step / count)
        return None

    def _host_cost(self, generator: LlamaTokenGenerator, sampling: Sampling) -> None:
        """Generate as an answer is generated, with the person's own sampling.

        Not for who wants none generated: over a few tokens it would be what the first one costs.
        """
        if not self._plan.generated_tokens:
            return
        samples: list[float] = []
        count = min(_HOST_TOKENS, max(self._plan.generated_tokens, 2))
        for i in range(self._repetitions):
            if self._cancel.is_set():
                break
            tokens = 0
            for step in generator.generate(
                [0, 1, 2, 3],
                sampling=sampling,
                stop=frozenset(),
                max_tokens=count,
                cancel=self._cancel,
            ):
                if isinstance(step, int):
                    tokens += 1
                    self._report(HOST_COST, i + 1, self._repetitions, tokens / count)
                elif isinstance(step, Generated) and step.completion_tokens == count:
                    samples.append(step.host_s / count * 1e3)
        self.results.add(HOST_COST, MILLISECONDS, samples)

    def _turns(self, engine: Engine, conversation: Conversation, sampling: Sampling) -> list[float]:
        samples: list[float] = []
        count = self._repetitions
        turns = next_turns(engine, conversation, sampling, _TURN_TOKENS, self._cancel)
        for i in range(-1, count):
            if self._cancel.is_set():
                break
            self._report(NEXT_TURN, i + 1, count, 0.0)
            seconds = next(turns, None)
            if seconds is not None and i >= 0:
                samples.append(seconds)
        return samples


def _fitting(count: int, most: float) -> int:
    """Return `count`, or the largest power of two below it that is at most `most`, at least 1."""
    if count <= most:
        return count
    return min(count, 1 << max(int(most), 1).bit_length() - 1)
