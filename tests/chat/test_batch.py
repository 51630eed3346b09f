"""Records keep the order of the lines, whatever order the answers come in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from gptoss_cli.chat.batch import Batch, Record
from gptoss_cli.chat.batch_line import InputLine
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.errors import prompt_too_long
from gptoss_cli.events import Event, FinalDelta, Finished, FinishReason, ToolCallDelta

SETTINGS = ChatSettings(sampling=Sampling(seed=1))


class Source:
    """As many lines as are wanted, and how many were taken."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self.taken = 0
        self.has_ended = False

    def take(self, wait_s: float) -> InputLine | None:
        text = next(self._texts, None)
        if text is None:
            self.has_ended = True
            return None
        self.taken += 1
        return InputLine(self.taken - 1, self.taken, "0" * 16, text)


class Backwards:
    """Finishes what was asked last first; ``slow`` is finished when nothing else is left."""

    parallel = 4

    def __init__(self) -> None:
        self._asked: list[tuple[int, str]] = []

    @property
    def pending(self) -> int:
        return len(self._asked)

    def ask(self, key, conversation, *, sampling, max_tokens, thinking=True) -> None:
        text = conversation.messages[0].content
        if text == "long":
            raise prompt_too_long(9, 8, hint="")
        self._asked.append((key, text))

    def poll(self) -> Iterator[tuple[int, Event]]:
        quick = [a for a in self._asked if a[1] != "slow"] or self._asked
        key, text = quick[-1]
        self._asked.remove((key, text))
        if text == "tool":
            yield key, ToolCallDelta("python", "1")
            yield key, Finished(FinishReason.TOOL_CALLS)
        else:
            yield from [(key, FinalDelta(text))] if text != "silent" else []
            yield key, Finished(FinishReason.STOP)


def answered(*texts: str) -> list[Record]:
    batch = Batch(Backwards(), Source(iter(texts)), SETTINGS)
    return list(batch.records(Cancel(), lambda: None))


def test_answers_that_come_backwards_are_told_forwards():
    texts = [f"line {i}" for i in range(50)]
    assert [record["final"] for record in answered("slow", *texts)] == ["slow", *texts]


def test_what_is_no_answer_is_an_error_in_its_place():
    first, tool, silent, long, last = answered("a", "tool", "silent", "long", "b")
    assert (first["error"], last["error"]) == (None, None)
    assert "called a tool" in tool["error"]["message"]
    assert "without an answer" in silent["error"]["message"]
    assert long["error"]["exit_code"] == 4
    assert long["usage"] is None


def test_a_line_that_takes_long_does_not_pile_up_the_rest():
    """An endless input behind it: what waits for its turn has a bound."""
    source = Source(itertools.chain(["slow"], itertools.repeat("quick")))
    cancel, ticks = Cancel(), itertools.count()

    def stop() -> None:
        if next(ticks) == 2_000:
            cancel.set()

    def records() -> Iterator[Record]:
        engine = Backwards()
        engine.poll = lambda: iter(())  # nothing is finished any more
        yield from Batch(engine, source, SETTINGS).records(cancel, stop)

    assert list(records()) == []
    assert source.taken <= 8

    class Stuck(Backwards):
        def poll(self) -> Iterator[tuple[int, Event]]:
            return super().poll() if self.pending > 1 else iter(())

    cancel.clear()
    source = Source(itertools.chain(["slow"], itertools.repeat("quick")))
    ticks = itertools.count()
    assert list(Batch(Stuck(), source, SETTINGS).records(cancel, stop)) == []
    assert source.taken <= 256


def test_seeds_belong_to_lines():
    seeds = [record["seed"] for record in answered("a", "b", "c")]
    assert len(set(seeds)) == 3
    assert seeds == [record["seed"] for record in answered("x", "y", "z")]
