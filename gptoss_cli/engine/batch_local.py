"""The local engine for many conversations at once: render, generate several, parse each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from gptoss_cli.engine.base import Generated, Sampling
from gptoss_cli.engine.batch import BatchGenerator, BatchRequest
from gptoss_cli.engine.kv import common_prefix
from gptoss_cli.engine.local import ReasoningClock, finished
from gptoss_cli.engine.worker import run_elsewhere
from gptoss_cli.errors import prompt_too_long
from gptoss_cli.events import Event, LoadProgress
from gptoss_cli.harmony.parse import StreamParser
from gptoss_cli.harmony.render import PromptEncoder, open_final, render
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.messages import Conversation, user

_LONG_CHARACTERS: Final = 200_000


class LocalBatchEngine:
    """Answers conversations of one question each, several at a time.

    What the conversations share, their system and developer messages, is decoded once.
    """

    def __init__(self, generator: BatchGenerator, vocabulary: Vocabulary) -> None:
        self._generator = generator
        self._vocabulary = vocabulary
        self._encoder = PromptEncoder(vocabulary)
        self._drafts: dict[int, _Draft] = {}

    @property
    def parallel(self) -> int:
        """How many conversations are answered together."""
        return self._generator.parallel

    @property
    def pending(self) -> int:
        """How many were asked and are not finished."""
        return len(self._drafts)

    def ask(
        self,
        key: int,
        conversation: Conversation,
        *,
        sampling: Sampling,
        max_tokens: int | None,
        thinking: bool = True,
    ) -> None:
        """Have `conversation` answered; its events come from ``poll`` under `key`.

        Without `thinking` the answer is opened at once.

        Raises DoesNotFitError when it fills the window of one conversation by itself.
        """
        size = sum(len(message.content) for message in conversation.messages)
        if size < _LONG_CHARACTERS:
            prompt = self._encoder.encode(render(conversation))
        else:
            # Megabytes take seconds, in which this thread should hear Ctrl-C.
            prompt = run_elsewhere(
                "gptoss-tokenizer", lambda: self._encoder.encode(render(conversation))
            )
        window = self._generator.window
        if len(prompt) >= window:
            hint = "use a larger --context, or a shorter prompt"
            raise prompt_too_long(len(prompt), window, hint=hint)
        another = self._encoder.encode(render(replace(conversation, messages=(user(""),))))
        parser = StreamParser(self._vocabulary)
        opening = [] if thinking else self._encoder.encode(open_final())
        for token in opening:
            parser.feed(token)
        self._drafts[key] = _Draft(parser, ReasoningClock(), len(prompt))
        self._generator.submit(
            BatchRequest(
                key=key,
                prompt=(*prompt, *opening),
                prefix_tokens=common_prefix(prompt, another),
                sampling=sampling,
                stop=parser.stop_tokens,
                max_tokens=max_tokens,
            )
        )

    def poll(self) -> Iterator[tuple[int, Event] | LoadProgress]:
        """Yield what comes within a moment; the last event of each key is ``Finished``.

        Raises DoesNotFitError, EngineError or ModelFileError: nothing more will come then.
        """
        for step in self._generator.poll():
            if isinstance(step, LoadProgress):
                yield step
                continue
            key, what = step
            draft = self._drafts[key]
            if isinstance(what, Generated):
                events = self._end(key, draft, what)
            else:
                events = self._read(key, draft, what)
            for event in events:
                yield key, event

    def close(self) -> None:
        """Stop, and give back memory and threads. Can be called twice."""
        self._generator.close()

    def _read(self, key: int, draft: _Draft, token: int) -> Iterator[Event]:
        parser = draft.parser
        yield from parser.feed(token)
        draft.clock.tick(thinking=parser.is_in_analysis)
        if parser.is_over and token not in parser.stop_tokens and not draft.is_stopped:
            # The model goes on in somebody else's name: nobody will read that.
            draft.is_stopped = True
            self._generator.stop(key)

    def _end(self, key: int, draft: _Draft, end: Generated) -> Iterator[Event]:
        del self._drafts[key]
        yield from draft.parser.finish()
        window = self._generator.window
        yield finished(end, draft.parser, draft.prompt_tokens, window, draft.clock.seconds)


@dataclass(slots=True)
class _Draft:
    """An answer while it is written."""

    parser: StreamParser
    clock: ReasoningClock
    prompt_tokens: int
    is_stopped: bool = False
