"""The local engine, in three lines: render the conversation, generate tokens, parse them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from gptoss_cli.engine.base import Cancel, Generated, Sampling, TokenGenerator
from gptoss_cli.engine.worker import run_elsewhere
from gptoss_cli.events import (
    Event,
    Finished,
    LoadProgress,
    PromptProgress,
    Timings,
    Usage,
)
from gptoss_cli.harmony.parse import StreamParser
from gptoss_cli.harmony.render import PromptEncoder, render
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.messages import Conversation

_LONG_CHARACTERS: Final = 200_000


class LocalEngine:
    """An ``Engine`` that runs gpt-oss in this process."""

    def __init__(self, generator: TokenGenerator, vocabulary: Vocabulary) -> None:
        self._generator = generator
        self._vocabulary = vocabulary
        self._encoder = PromptEncoder(vocabulary)
        self._encoded: tuple[Conversation, list[int]] | None = None

    def prompt_tokens(self, conversation: Conversation) -> int:
        """Return how many tokens the prompt for `conversation` has."""
        return len(self._prompt(conversation))

    def window_for(self, prompt_tokens: int) -> int:
        """Return the context window, in tokens, that a prompt of this length will meet."""
        return self._generator.window_for(prompt_tokens)

    def answer(
        self,
        conversation: Conversation,
        *,
        sampling: Sampling,
        max_tokens: int | None,
        cancel: Cancel,
    ) -> Iterator[Event]:
        """Yield the next step of the assistant; see ``Engine``."""
        prompt = self._prompt(conversation)
        parser = StreamParser(self._vocabulary)
        steps = self._generator.generate(
            prompt,
            sampling=sampling,
            stop=parser.stop_tokens,
            max_tokens=max_tokens,
            cancel=cancel,
        )
        clock = _ReasoningClock()
        went_on = False
        for step in steps:
            match step:
                case int():
                    yield from parser.feed(step)
                    clock.tick(thinking=parser.is_in_analysis)
                    if parser.is_over and step not in parser.stop_tokens and not went_on:
                        # The model goes on in somebody else's name: nobody will read that.
                        went_on = True
                        cancel.set()
                case LoadProgress() | PromptProgress():
                    yield step
                case Generated():
                    if went_on:
                        cancel.clear()
                    yield from parser.finish()
                    yield self._finished(step, parser, clock.seconds, len(prompt))

    def close(self) -> None:
        """Give back memory and threads. Can be called twice."""
        self._generator.close()

    def _prompt(self, conversation: Conversation) -> list[int]:
        """Return the tokens of the prompt; those of the last conversation are remembered."""
        if self._encoded is None or self._encoded[0] is not conversation:
            segments = render(conversation)
            size = sum(len(message.content) for message in conversation.messages)
            if size < _LONG_CHARACTERS:
                ids = self._encoder.encode(segments)
            else:
                # Megabytes take seconds, in which this thread should hear Ctrl-C.
                ids = run_elsewhere("gptoss-tokenizer", lambda: self._encoder.encode(segments))
            self._encoded = (conversation, ids)
        return self._encoded[1]

    def _finished(
        self, end: Generated, parser: StreamParser, reasoning_s: float, prompt_tokens: int
    ) -> Finished:
        reason = end.reason
        if parser.finish_reason is not None:
            reason = parser.finish_reason  # what was said decides: a call is not an answer
        evaluated = end.prompt_tokens - end.cached_tokens
        usage = Usage(
            prompt_tokens=prompt_tokens,
            cached_tokens=end.cached_tokens,
            completion_tokens=end.completion_tokens,
            reasoning_tokens=parser.reasoning_tokens,
            context_used=end.context_used,
            context_window=self._generator.window_for(prompt_tokens),
        )
        # The first token comes out of the prefill; the loop then takes decode_s for the others.
        decoded = max(0, end.completion_tokens - 1)
        timings = Timings(
            ttft_s=end.ttft_s,
            total_s=end.prefill_s + end.decode_s,
            prefill_tps=_rate(evaluated, end.prefill_s),
            decode_tps=_rate(decoded, end.decode_s),
            reasoning_s=reasoning_s,
        )
        return Finished(reason, usage, timings)


class _ReasoningClock:
    """Adds up the time spent in the analysis channel, token by token."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last: float | None = None

    def tick(self, *, thinking: bool) -> None:
        now = time.monotonic()
        if self._last is not None:
            self.seconds += now - self._last
        self._last = now if thinking else None


def _rate(count: int, seconds: float) -> float:
    return count / seconds if count and seconds > 0 else 0.0
