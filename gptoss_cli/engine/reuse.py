"""What a KV cache has in common with earlier programs: taken from a disk, and kept there.

Two things are kept. The beginning that prompts share (system message, developer message, tools):
as soon as it is decoded. And a conversation, when it is put away: up to the place from which its
next prompt can go on, since thinking leaves the prompt after each turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gptoss_cli.engine.base import Beginning
from gptoss_cli.engine.kv_file import Origin
from gptoss_cli.engine.worker import Worker
from gptoss_cli.errors import DoesNotFitError

if TYPE_CHECKING:
    from gptoss_cli.engine.context import LlamaContext
    from gptoss_cli.engine.kv import KVCache
    from gptoss_cli.engine.kv_file import KVState
    from gptoss_cli.engine.kv_store import Found, KVStore

# What is shorter is decoded as fast as a file is found (benchmarks/RESULTS.md).
LEAST_TOKENS: Final = 32
_CHECKPOINTS: Final = 4
_LEAVING_S: Final = 1.0  # a program that ends waits so long for what is being written
_GIVING_UP_S: Final = 0.3  # and so long for it to be removed


@dataclass(frozen=True, slots=True)
class Place:
    """Where states are kept, and the name of the model for people."""

    store: KVStore
    model: str


def ends_of(beginning: Beginning) -> list[int]:
    """Return those of the ends that lie apart: the others would cost more than they save."""
    ends: list[int] = []
    for end in beginning.ends:
        if end >= (ends[-1] if ends else 0) + LEAST_TOKENS:
            ends.append(end)
    return ends


class Reuse:
    """Exchanges the states of one context with `place`; without one, with nobody.

    All but ``close`` belongs to the thread of the context. Writing is done by another thread.
    `find_key` is asked for the key when it is needed first.
    """

    def __init__(self, place: Place | None, find_key: Callable[[], str]) -> None:
        self._place = place
        self._find_key = find_key
        self._key: str | None = None
        self._writer: Worker | None = None
        self._ends = threading.Event()

    def fetch(self, context: LlamaContext, prompt: Sequence[int], beginning: Beginning) -> None:
        """Bring what is kept of `prompt` into the cache, if that is more than what is there."""
        place, present = self._place, context.kv.reach(prompt)
        if place is None or len(prompt) - present <= LEAST_TOKENS:
            return
        key = self._own_key()
        if not key:
            return
        found: Iterable[Found | None]
        if beginning.ends:  # nothing else: batches are cut there and nowhere else
            ends = reversed(ends_of(beginning))
            found = (place.store.prefix(key, prompt[:end]) for end in ends if end < len(prompt))
        else:
            found = (place.store.longest(key, prompt),)
        for one in found:
            if one is not None and one.usable >= present + LEAST_TOKENS:
                state = place.store.load(key, one)
                if state is None or not _has_room(context, len(state.tokens)):
                    continue
                if context.kv.take_in(state):
                    return
                place.store.discard(one)
                present = 0

    def beginning(self, tokens: Sequence[int]) -> KVState | None:
        """Return the state of exactly these tokens, for who lays it in a cache of several."""
        place, key = self._place, self._key_for(len(tokens))
        found = place.store.prefix(key, tokens) if place is not None and key else None
        return place.store.load(key, found) if place is not None and found is not None else None

    def keep_beginning(self, state: KVState) -> None:
        """Keep the state of what prompts begin with, unless it is there."""
        place, key = self._place, self._key_for(len(state.tokens))
        if place is not None and key and place.store.prefix(key, state.tokens.tolist()) is None:
            self._write(lambda ends: place.store.keep(Origin(key, place.model), state, ends))

    def begun(self, kv: KVCache, *, may_be_kept: bool) -> None:
        """Note that the cache holds what prompts begin with, and nothing else.

        It is laid in the cache anew, exactly as it is when it comes from a file: the order of the
        cells decides how sums are rounded.
        """
        state = kv.export(0)
        if state is not None and kv.take_in(state) and may_be_kept:
            self.keep_beginning(state)

    def put_away(self, kv: KVCache, prompt: Sequence[int], session_id: str) -> None:
        """Keep what the cache holds of `prompt`, for the session; the rest of it is dropped."""
        place = self._place
        if place is None:
            return
        kept = kv.rewind(prompt)
        key = self._key_for(kept)
        if not key:
            return
        found = place.store.longest(key, prompt)
        if found is not None and found.usable >= kept - LEAST_TOKENS:
            return  # nothing new was said
        state = kv.export(_CHECKPOINTS)
        if state is not None:
            origin = Origin(key, place.model, session_id)
            self._write(lambda ends: place.store.keep(origin, state, ends))

    def close(self) -> None:
        """Wait a little for what is being written, then give it up. Can be called twice.

        A disk that hangs holds its thread, not the program.
        """
        writer, self._writer = self._writer, None
        if writer is None:
            return
        is_done = threading.Event()

        def job(_put: Callable[[None], None]) -> None:
            is_done.set()

        writer.submit(job)
        writer.leave()
        if not is_done.wait(_LEAVING_S):
            self._ends.set()
            is_done.wait(_GIVING_UP_S)

    def _write(self, write: Callable[[Callable[[], bool]], bool]) -> None:
        if self._writer is None:
            self._writer = Worker("gptoss-cache")

        def job(_put: Callable[[None], None]) -> None:
            write(self._ends.is_set)

        self._writer.submit(job)

    def _key_for(self, n_tokens: int) -> str:
        """Return the key of this context; nothing where so few tokens are not worth a file."""
        return self._own_key() if self._place is not None and n_tokens >= LEAST_TOKENS else ""

    def _own_key(self) -> str:
        if self._key is None:
            try:
                self._key = self._find_key()
            except OSError:
                self._key = ""
        return self._key


def _has_room(context: LlamaContext, n_tokens: int) -> bool:
    """Whether so many tokens fit into `context`: a conversation may have had a larger window."""
    try:
        context.reserve(n_tokens)
    except DoesNotFitError:
        return False
    return True
