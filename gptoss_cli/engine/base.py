"""What an engine is, and the values that go in and out of one.

``Engine`` takes a conversation and yields events; ``TokenGenerator`` takes tokens and yields
tokens. Both are seams: a remote engine needs no tokens, a test's generator no weights.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gptoss_cli.events import Event, FinishReason, LoadProgress, PromptProgress
from gptoss_cli.messages import Conversation

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW_STEP: Final = 256
"""llama.cpp pads a context to a multiple of this many tokens."""

_ROOM_FOR_ANSWER: Final = 4096


def window_for(prompt_tokens: int, usual: int, largest: int) -> int:
    """Return the window, in tokens, for a first prompt of this length: the `usual` one, or one with
    room for an answer, up to the `largest`.
    """
    needed = -(-(prompt_tokens + _ROOM_FOR_ANSWER) // WINDOW_STEP) * WINDOW_STEP
    return max(usual, min(needed, largest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen; the defaults are those gpt-oss was made for.

    ``top_k`` 0 and ``top_p`` 1.0 keep every token, ``min_p`` 0.0 too; ``temperature`` 0.0 takes
    the most likely one. The same ``seed`` on the same prompt gives the same text.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a final answer must be, to the character: a grammar as llguidance reads it.

    `is_json`: every answer is one JSON value. engine/grammar.py makes and checks them.
    """

    source: str
    is_json: bool = False


class Constraint(Protocol):
    """What may be generated next. One generation's, on the thread that generates.

    Raises UnmetFormError when the grammar cannot be followed any further.
    """

    @property
    def is_over(self) -> bool:
        """Whether nothing may follow what was accepted."""

    def accept(self, token: int) -> bool:
        """Go on with `token` if it may come next; else change nothing and return False."""

    def allowed(self) -> NDArray[np.bool_]:
        """Return for each token, shape [vocabulary size], whether it may come next; some may."""


class Cancel:
    """A request to stop, safe to make from a signal handler or another thread.

    The flag is memory that llama.cpp itself looks at between graph nodes, so a stop does not wait
    for the GIL: a C string, empty while nobody asked to stop.
    """

    def __init__(self) -> None:
        self.flag = ctypes.create_string_buffer(2)
        self._asked = False
        self.wants_answer = False

    def set(self) -> None:
        """Ask to stop."""
        self._asked = True
        self.flag[0] = b"\x01"

    def answer_now(self) -> None:
        """Ask to end the thinking, now or as soon as it begins, and to go on with the answer."""
        self.wants_answer = True

    def pause(self) -> None:
        """Stop what is being generated, without a request from outside."""
        self.flag[0] = b"\x01"

    def go_on(self) -> None:
        """End a pause; a request to stop stays."""
        if not self._asked:
            self.flag[0] = b"\x00"

    def clear(self) -> None:
        """Take all requests back, before the next answer."""
        self._asked = self.wants_answer = False
        self.flag[0] = b"\x00"

    def is_set(self) -> bool:
        """Whether what is being generated shall stop."""
        return self.flag[0] != b"\x00"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What of the first prompt of a conversation may be met again, since others begin so as well:
    its tokens up to each of `ends`, in ascending order. Later prompts have none.

    Batches are cut there so that they, and with them the rounding, are the same whether or not the
    beginning comes from a disk: a seed gives the same text. `keepable_tokens`: of so many tokens,
    nothing forbids to write them to a disk.
    """

    ends: tuple[int, ...] = ()
    keepable_tokens: int = 0


NO_BEGINNING: Final = Beginning()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """The end of one generation: why it ended, and what it took (tokens, seconds).

    ``host_s`` is what of ``decode_s`` was not spent in llama.cpp.
    """

    reason: FinishReason
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    host_s: float = 0.0
    ttft_s: float = 0.0
    context_used: int = 0


GenerationStep = int | LoadProgress | PromptProgress | Generated
"""A token, progress, or the end, which is always the last."""


class TokenGenerator(Protocol):
    """Tokens in, tokens out, on one model and one KV cache."""

    def window_for(self, prompt_tokens: int) -> int:
        """Return the context window, in tokens, that a prompt of this length will meet."""

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
        """Yield the continuation of `prompt`, at most `max_tokens`, up to a token of `stop`.

        The stop token is yielded too. With a `constraint` every token is one that it accepts, and
        the last one that after which it is over. `turn_starts`: after how many tokens of the prompt
        other prompts may go on differently. Raises EngineError or DoesNotFitError.
        """

    def prefill(
        self,
        prompt: Sequence[int],
        *,
        cancel: Cancel,
        beginning: Beginning = NO_BEGINNING,
        turn_starts: Sequence[int] = (),
    ) -> None:
        """Decode `prompt`, behind which a later prompt will go on, as far as `cancel` lets it.

        For idle time: it stops within a moment, and does not hurry. Nothing is done while the
        weights are being loaded. Raises EngineError or DoesNotFitError.
        """

    def put_away(self, prompt: Sequence[int], session_id: str) -> None:
        """Keep what is in the cache of the beginning of `prompt`, which a stored session will go on
        with, where it can be kept. It is written meanwhile.
        """

    def close(self) -> None:
        """Give back memory and threads. Can be called twice."""


class Engine(Protocol):
    """A conversation in, events out."""

    def prompt_tokens(self, conversation: Conversation) -> int:
        """Return how many tokens the prompt for `conversation` has."""

    def text_tokens(self, text: str) -> int:
        """Return how many tokens `text` has by itself."""

    def window_for(self, prompt_tokens: int) -> int:
        """Return the context window, in tokens, that a prompt of this length will meet."""

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
        """Yield the next step of the assistant; the last event is ``Finished``.

        Without `thinking` the answer is opened at once, as ``Cancel.answer_now`` does later on:
        gpt-oss itself knows no effort below low. With a `grammar` the final answer follows it,
        unless it is cut off, and thinking stays free. Of a conversation of one message, others may
        begin with its `opening` as well.
        """

    def prefill(self, conversation: Conversation, *, cancel: Cancel) -> None:
        """Read `conversation` up to what the user says last, so that it need not be read later.

        For idle time: it stops within a moment, and does not hurry. Raises GptossError.
        """

    def prompt_pieces(self, conversation: Conversation) -> list[tuple[str, bool]]:
        """Return the prompt for `conversation` exactly as the model gets it, in pieces: text, or
        (True) the name of a control token.
        """

    def put_away(self, conversation: Conversation, session_id: str) -> None:
        """Keep what was computed for `conversation`, so that going on with the stored session costs
        little. It is written meanwhile, and not at all where that is not possible.
        """

    def close(self) -> None:
        """Give back memory and threads. Can be called twice."""
