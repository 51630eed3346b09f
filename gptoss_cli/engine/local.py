"""The local engine: render the conversation, generate tokens, parse them into events."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gptoss_cli.engine.base import (
    NO_BEGINNING,
    Beginning,
    Cancel,
    Constraint,
    Generated,
    Grammar,
    Sampling,
    TokenGenerator,
)
from gptoss_cli.engine.worker import Deferred, run_elsewhere
from gptoss_cli.events import (
    Event,
    Finished,
    FinishReason,
    LoadProgress,
    PromptProgress,
    Timings,
    Usage,
)
from gptoss_cli.harmony.parse import StreamParser
from gptoss_cli.harmony.render import (
    PromptEncoder,
    Segment,
    answer_now,
    begin_message,
    begin_question,
    header,
    open_final,
    render,
)
from gptoss_cli.harmony.vocabulary import ControlToken, Vocabulary
from gptoss_cli.messages import Channel, Conversation, Role, user

if TYPE_CHECKING:
    from gptoss_cli.engine.answering import MessageFrame
    from gptoss_cli.engine.grammar import TokenTable

_LONG_CHARACTERS: Final = 200_000
# 0.8 GB of cells of the 20b: while they are written, they are in memory twice.
_MOST_OPENING_TOKENS: Final = 32_768


class LocalEngine:
    """An ``Engine`` that runs gpt-oss in this process.

    ``is_private``: no word of the person's is written to a disk for the sake of speed.
    """

    def __init__(
        self, generator: TokenGenerator, vocabulary: Vocabulary, *, is_private: bool = False
    ) -> None:
        self._generator = generator
        self._vocabulary = vocabulary
        self._is_private = is_private
        self._encoder = PromptEncoder(vocabulary)
        self._encoded: tuple[Conversation, list[int]] | None = None
        self._token_table: Deferred[TokenTable] | None = None

    def prompt_tokens(self, conversation: Conversation) -> int:
        """Return how many tokens the prompt for `conversation` has."""
        return len(self._prompt(conversation))

    def text_tokens(self, text: str) -> int:
        """Return how many tokens `text` has by itself."""
        return len(self._vocabulary.encode(text))

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
        thinking: bool = True,
        grammar: Grammar | None = None,
        opening: str = "",
    ) -> Iterator[Event]:
        """Yield the next step of the assistant; see ``Engine``."""
        prompt = self._prompt(conversation)
        starts = self._turn_starts(prompt)
        beginning = self._beginning(conversation, prompt, starts, opening)
        if grammar is not None:
            self._begin_token_table()
        draft = _Draft(StreamParser(self._vocabulary), cancel)
        yield from draft.write(self._encoder.encode([] if thinking else open_final()))
        end: Generated | None = None
        while True:
            left = None if max_tokens is None else max(max_tokens - draft.generated, 1)
            steps = self._generator.generate(
                prompt + draft.tokens,
                sampling=sampling,
                stop=draft.parser.stop_tokens,
                max_tokens=left,
                cancel=cancel,
                constraint=self._constraint(grammar, draft.tokens),
                beginning=beginning,
                turn_starts=starts,
            )
            for step in steps:
                match step:
                    case int():
                        yield from draft.read(step)
                    case LoadProgress() | PromptProgress():
                        if end is None:
                            yield step
                    case Generated():
                        end = step if end is None else _joined(end, step)
            assert end is not None  # a generator's last step
            if not draft.cuts_in():
                break
            final_header = self._encoder.encode(answer_now())
            used = len(prompt) + len(draft.tokens) + len(final_header)
            if used >= self._generator.window_for(len(prompt)):
                end = replace(end, reason=FinishReason.LENGTH)
                break
            yield from draft.write(final_header)
        yield from draft.parser.finish()
        window = self._generator.window_for(len(prompt))
        yield finished(end, draft.parser, len(prompt), window, draft.clock.seconds)

    def prefill(self, conversation: Conversation, *, cancel: Cancel) -> None:
        """Read `conversation` up to what the user says last; see ``Engine``."""
        prompt = self._prompt(conversation)
        starts = self._turn_starts(prompt)
        if starts and starts[-1] < self._generator.window_for(len(prompt)):
            self._generator.prefill(
                prompt[: starts[-1]],
                cancel=cancel,
                beginning=self._beginning(conversation, prompt, starts),
                turn_starts=starts,
            )

    def prompt_pieces(self, conversation: Conversation) -> list[tuple[str, bool]]:
        """Return the prompt for `conversation` in pieces; see ``Engine``."""
        return self._vocabulary.pieces(self._prompt(conversation))

    def put_away(self, conversation: Conversation, session_id: str) -> None:
        """Keep what was computed for `conversation`; see ``Engine``."""
        if not self._is_private:
            following = replace(conversation, messages=(*conversation.messages, user("")))
            self._generator.put_away(self._encoder.encode(render(following)), session_id)

    def close(self) -> None:
        """Give back memory and threads. Can be called twice."""
        self._generator.close()

    def _beginning(
        self,
        conversation: Conversation,
        prompt: Sequence[int],
        starts: Sequence[int],
        opening: str = "",
    ) -> Beginning:
        """Return what of a first `prompt` others have as well: all before the question, and the
        `opening` of that.

        `starts`: after how many tokens of the prompt each question begins.
        """
        if not starts or any(m.role is not Role.USER for m in conversation.messages):
            return NO_BEGINNING
        instructions = starts[0]
        is_own = bool(conversation.developer)  # instructions may be the person's words
        keepable = 0 if self._is_private and is_own else instructions
        end = self._end_of(opening, prompt, instructions)
        is_other = len(conversation.messages) > 1
        if is_other or not 0 < end - instructions <= _MOST_OPENING_TOKENS:
            return Beginning((instructions,), keepable)
        return Beginning((instructions, end), keepable if self._is_private else end)

    def _end_of(self, text: str, prompt: Sequence[int], start: int) -> int:
        """Return where `text`, which begins behind `start` tokens, ends in `prompt`; or where the
        token begins that holds its end and more.
        """
        left = len(text.encode("utf-8", "surrogatepass"))
        while left > 0 and start < len(prompt):
            left -= len(self._vocabulary.piece(prompt[start]))
            start += left >= 0
        return start

    def _begin_token_table(self) -> None:
        """Begin to build llguidance's table of tokens, which is needed where the answer begins."""
        if self._token_table is None:
            vocabulary = self._vocabulary

            def build() -> TokenTable:
                from gptoss_cli.engine.grammar import TokenTable

                end_of_turn = vocabulary.control(ControlToken.RETURN)
                return TokenTable(vocabulary.byte_pieces(), vocabulary.control_ids, end_of_turn)

            self._token_table = Deferred("gptoss-grammar", build)

    def _constraint(self, grammar: Grammar | None, written: Sequence[int]) -> Constraint | None:
        """Return what holds the answer to `grammar`, gone on through what is `written` of it."""
        table = self._token_table
        if grammar is None or table is None:
            return None
        from gptoss_cli.engine.answering import AnswerConstraint
        from gptoss_cli.engine.grammar import TextConstraint

        constraint = AnswerConstraint(
            self._frame(), self._vocabulary.size, lambda: TextConstraint(grammar, table.result())
        )
        constraint.follow(written)
        return constraint

    def _frame(self) -> MessageFrame:
        from gptoss_cli.engine.answering import MessageFrame

        def ids(segments: list[Segment]) -> tuple[int, ...]:
            return tuple(self._encoder.encode(segments))

        control = self._vocabulary.control
        return MessageFrame(
            begin=ids(begin_message()),
            free_headers=(ids(header(Channel.ANALYSIS)), ids(header(Channel.COMMENTARY))),
            # Models often name the type of the content where an answer is to be JSON.
            final_headers=(ids(open_final()), ids(header(Channel.FINAL, constrained_to="json"))),
            end=control(ControlToken.END),
            end_of_turn=control(ControlToken.RETURN),
            control=self._vocabulary.control_ids,
        )

    def _turn_starts(self, prompt: list[int]) -> list[int]:
        """Return after how many tokens of `prompt` each of the user's messages says something."""
        opening = self._encoder.encode(begin_question())
        starts, at = [], 0
        with contextlib.suppress(ValueError):  # there is no further message
            while True:
                at = prompt.index(opening[0], at)  # a control token: no text contains it
                if prompt[at : at + len(opening)] == opening:
                    starts.append(at + len(opening))
                at += 1
        return starts

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


def finished(
    end: Generated, parser: StreamParser, prompt_tokens: int, window: int, reasoning_s: float
) -> Finished:
    """Return the last event of an answer that `parser` has read; `window` in tokens."""
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
        context_window=window,
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


class _Draft:
    """What the assistant writes in one step: by itself, and what is put into its mouth."""

    def __init__(self, parser: StreamParser, cancel: Cancel) -> None:
        self.parser = parser
        self.clock = ReasoningClock()
        self.tokens: list[int] = []
        self.generated = 0
        self._cancel = cancel
        self._is_cut = False
        self._went_on = False

    def write(self, tokens: Sequence[int]) -> Iterator[Event]:
        """Add `tokens` that the model did not choose."""
        for token in tokens:
            self.tokens.append(token)
            yield from self.parser.feed(token)
        self.clock.tick(thinking=self.parser.is_in_analysis)

    def read(self, token: int) -> Iterator[Event]:
        """Add a `token` of the model, and stop it where nothing more is wanted."""
        parser = self.parser
        self.tokens.append(token)
        self.generated += 1
        yield from parser.feed(token)
        self.clock.tick(thinking=parser.is_in_analysis)
        if parser.is_over:
            if token not in parser.stop_tokens and not self._went_on:
                # The model goes on in somebody else's name: nobody will read that.
                self._went_on = True
                self._cancel.pause()
        elif self._cancel.wants_answer and parser.is_in_analysis and not self._is_cut:
            self._is_cut = True
            self._cancel.pause()

    def cuts_in(self) -> bool:
        """Whether the answer is to be opened now, since that was asked for during the thinking."""
        self._cancel.go_on()
        cut, self._is_cut = self._is_cut, False
        return cut and self.parser.is_in_analysis and not self._cancel.is_set()


class ReasoningClock:
    """Adds up the time spent in the analysis channel, token by token."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last: float | None = None

    def tick(self, *, thinking: bool) -> None:
        """Note that a token came, and whether the next one belongs to the thinking."""
        now = time.monotonic()
        if self._last is not None:
            self.seconds += now - self._last
        self._last = now if thinking else None


def _joined(first: Generated, then: Generated) -> Generated:
    """Return the end of a generation that was taken up again, as if it had been one."""
    return replace(
        then,
        prompt_tokens=first.prompt_tokens,
        cached_tokens=first.cached_tokens,
        completion_tokens=first.completion_tokens + then.completion_tokens,
        prefill_s=first.prefill_s,
        decode_s=first.decode_s + then.prefill_s + then.decode_s,
        host_s=first.host_s + then.host_s,
        ttft_s=first.ttft_s,
    )


def _rate(count: int, seconds: float) -> float:
    return count / seconds if count and seconds > 0 else 0.0
