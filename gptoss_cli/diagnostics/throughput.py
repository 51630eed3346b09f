"""Tokens per second as llama-bench measures them: random tokens, nothing sampled.

Each function is a job for the engine's thread. It puts how many tokens are done, and last, unless
it is cancelled, the seconds they took as a float.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.engine.context import LlamaContext

Job = Callable[["LlamaContext", Callable[[int | float], None]], None]
_REPORT_EVERY: Final = 8


def reading(count: int, depth: int, cancel: Cancel) -> Job:
    """Return the job that reads `count` tokens behind `depth` others, in the program's pieces."""

    def job(context: LlamaContext, put: Callable[[int | float], None]) -> None:
        tokens = _random_tokens(count, context.vocabulary_size)
        if not _go_to(context, depth, cancel):
            return
        began = time.perf_counter()
        if _read(context, tokens, cancel, put):
            put(time.perf_counter() - began)

    return job


def writing(count: int, depth: int, cancel: Cancel) -> Job:
    """Return the job that decodes `count` tokens one by one behind `depth` others."""

    def job(context: LlamaContext, put: Callable[[int | float], None]) -> None:
        tokens = _random_tokens(count, context.vocabulary_size)
        if not _go_to(context, depth, cancel):
            return
        began = time.perf_counter()
        for done, token in enumerate(tokens, 1):
            if cancel.is_set() or not context.decode([token], logits=True):
                return
            context.logits()
            if done % _REPORT_EVERY == 0:
                put(done)
        put(time.perf_counter() - began)

    return job


def _random_tokens(count: int, vocabulary_size: int) -> list[int]:
    return [random.randrange(vocabulary_size) for _ in range(count)]  # noqa: S311 - no secret


def _go_to(context: LlamaContext, depth: int, cancel: Cancel) -> bool:
    """Leave the same `depth` tokens in the cache each time, read once; False when cancelled."""
    context.obey(cancel)
    if not depth:
        context.kv.clear()
        return True
    before = random.Random(depth)  # noqa: S311
    tokens = [before.randrange(context.vocabulary_size) for _ in range(depth)]
    kept = context.kv.rewind([*tokens, 0])
    read = _read(context, tokens[kept:], cancel, lambda _: None)
    if read:
        context.kv.checkpoint()
    return read


def _read(
    context: LlamaContext, tokens: list[int], cancel: Cancel, put: Callable[[int], None]
) -> bool:
    done = 0
    while done < len(tokens):
        piece = tokens[done : done + context.piece_tokens]
        done += len(piece)
        if cancel.is_set() or not context.decode(piece, logits=done == len(tokens)):
            return False
        put(done)
    if tokens:
        context.logits()  # a GPU may still be computing them
    return True
