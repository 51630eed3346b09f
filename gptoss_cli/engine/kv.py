"""The KV cache of one context: what is in it, and how to go back in it without corruption.

gpt-oss alternates full layers with layers that see a sliding window, and the window's cache keeps
little more than the window. ``llama_memory_seq_rm`` always claims success, but after going back
further than the window's cache reaches, part of the window is missing and the logits are silently
wrong. Hence the guard ``window_reaches``, and checkpoints: copies of the window's cells (3 MiB for
the 20b) taken where each question begins and at the end of each prompt, from which a later prompt
can go on exactly.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gptoss_cli.engine.kv_file import KVState, Section
from gptoss_cli.errors import EngineError

_WHOLE: Final = 0
_PARTIAL: Final = 1  # LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY: the sliding-window cells alone
_SEQUENCE: Final = 0
# The last question and answer are what people go back to most: to ask again, to change, to undo.
_RECENT: Final = 4


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The sliding-window cells after the first `n_tokens` tokens of the sequence."""

    n_tokens: int
    cells: ctypes.Array[ctypes.c_uint8]

    def section(self) -> Section:
        """Return it as a part of a file."""
        return Section(self.n_tokens, _view(self.cells))


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return the number of leading tokens that both sequences share."""
    for i, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return i
    return min(len(left), len(right))


class KVCache:
    """The one sequence of `context`; every change goes through here. One thread at a time."""

    def __init__(self, library: Any, context: Any, window: int, budget_bytes: int) -> None:
        self._library = library
        self._context = context
        self._memory = library.llama_get_memory(context)
        self._window = window
        self._budget_bytes = budget_bytes
        self._checkpoints: list[Checkpoint] = []
        self.tokens: list[int] = []

    def rewind(self, prompt: Sequence[int]) -> int:
        """Keep the longest usable prefix of `prompt`, remove the rest, return its length.

        At least the last token of `prompt` is left to be decoded, as only decoding gives logits.
        """
        shared = common_prefix(self.tokens, prompt)
        kept = self._go_back(min(shared, len(prompt) - 1))
        self._checkpoints = [c for c in self._checkpoints if c.n_tokens <= shared]
        return kept

    def holds(self, prompt: Sequence[int]) -> bool:
        """Whether what follows `prompt` can be decoded without decoding any of it again."""
        n_tokens = len(prompt)
        if common_prefix(self.tokens, prompt) < n_tokens:
            return False
        is_end = len(self.tokens) == n_tokens
        return is_end or any(c.n_tokens == n_tokens for c in self._checkpoints)

    def window_reaches(self, position: int) -> bool:
        """Whether the window's cache still holds all that a token at `position` may look at."""
        if position == 0:
            return True
        oldest = self._library.llama_memory_seq_pos_min(self._memory, _SEQUENCE)
        return bool(0 <= oldest <= max(0, position - (self._window - 1)))

    def checkpoint(self) -> None:
        """Remember the window as it is now, after ``tokens``."""
        n_tokens = len(self.tokens)
        if any(c.n_tokens == n_tokens for c in self._checkpoints):
            return
        cells = self._cells(_PARTIAL)
        if cells is None:
            return
        self._checkpoints.append(Checkpoint(n_tokens, cells))
        while sum(len(c.cells) for c in self._checkpoints) > self._budget_bytes:
            del self._checkpoints[self._least_missed()]

    def reach(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of `prompt` ``rewind`` would keep."""
        shared = common_prefix(self.tokens, prompt)
        keep = min(shared, len(prompt) - 1)
        if keep == len(self.tokens) or self.window_reaches(keep):
            return keep
        places = (c.n_tokens for c in self._checkpoints if c.n_tokens <= keep + 1)
        return min(keep, max(places, default=0))

    def export(self, most_checkpoints: int) -> KVState | None:
        """Return all that is in the cache, with so many of the checkpoints: the first one, which
        other conversations may share, and the last ones.
        """
        try:
            cells = self._cells(_WHOLE)
        except MemoryError:
            return None
        if cells is None:
            return None
        n_tokens = len(self.tokens)
        earlier = [c for c in self._checkpoints if c.n_tokens < n_tokens]
        if len(earlier) > most_checkpoints:
            earlier = [earlier[0], *earlier[len(earlier) - most_checkpoints + 1 :]]
        return KVState(
            np.array(self.tokens, dtype=np.int32),
            Section(n_tokens, _view(cells)),
            tuple(c.section() for c in earlier),
        )

    def take_in(self, state: KVState) -> bool:
        """Have what was exported instead of what is here; False, and nothing, if that fails."""
        self.clear()
        if not self._set(state.state.content, _WHOLE):
            self.clear()
            return False
        self.tokens += state.tokens.tolist()
        for section in state.checkpoints:
            cells = (ctypes.c_uint8 * section.content.nbytes)()
            _view(cells)[:] = section.content
            self._checkpoints.append(Checkpoint(section.n_tokens, cells))
        self.checkpoint()
        return True

    def content(self) -> ctypes.Array[ctypes.c_uint8] | None:
        """Return the cells of all tokens, for ``move``; None where there are none.

        Raises EngineError or MemoryError.
        """
        if not self.tokens:
            return None
        cells = self._cells(_WHOLE)
        if cells is None:
            raise EngineError("llama.cpp cannot copy the cells of the context.")
        return cells

    def move(self, context: Any, content: ctypes.Array[ctypes.c_uint8] | None) -> None:
        """Go on in another `context`, with the `content` of the one before. Raises EngineError."""
        self._context, self._memory = context, self._library.llama_get_memory(context)
        if content is not None and not self._set(_view(content), _WHOLE):
            self.clear()
            raise EngineError("llama.cpp cannot copy the cells of the context.")

    def appended(self, tokens: Sequence[int]) -> None:
        """Note that `tokens` were decoded at the end of the sequence."""
        self.tokens += tokens

    def resync(self) -> None:
        """After an interrupted decode: believe what llama.cpp kept."""
        end = self._library.llama_memory_seq_pos_max(self._memory, _SEQUENCE) + 1
        if end <= len(self.tokens):
            del self.tokens[end:]
        else:
            self._remove_from(len(self.tokens))

    def clear(self) -> None:
        """Forget everything."""
        self._library.llama_memory_clear(self._memory, True)
        self._checkpoints.clear()
        self.tokens.clear()

    def _least_missed(self) -> int:
        """Return the index of the checkpoint without which going back there costs the least.

        That is the one closest behind another. The first, which every conversation with the same
        instructions goes back to, and the most recent ones stay as long as they can.
        """
        ends = [c.n_tokens for c in self._checkpoints]
        old = range(1, len(ends) - _RECENT)
        return min(old, key=lambda i: ends[i] - ends[i - 1], default=0)

    def _go_back(self, keep: int) -> int:
        """Keep the first `keep` tokens, or fewer; return how many."""
        if keep == len(self.tokens) or self._cut(keep):
            return keep
        # One token fewer than a checkpoint is still exact: it holds one cell more than the window.
        for checkpoint in reversed(self._checkpoints):
            if checkpoint.n_tokens <= keep + 1 and self._restore(checkpoint):
                keep = min(keep, checkpoint.n_tokens)
                self._remove_from(keep)
                return keep
        self.clear()
        return 0

    def _cut(self, position: int) -> bool:
        if not self.window_reaches(position):
            return False
        self._remove_from(position)
        return True

    def _restore(self, checkpoint: Checkpoint) -> bool:
        return self._set(_view(checkpoint.cells), _PARTIAL)

    def _cells(self, kind: int) -> ctypes.Array[ctypes.c_uint8] | None:
        size = self._library.llama_state_seq_get_size_ext(self._context, _SEQUENCE, kind)
        cells = (ctypes.c_uint8 * size)()
        written = self._library.llama_state_seq_get_data_ext(
            self._context, cells, size, _SEQUENCE, kind
        )
        return cells if written == size else None

    def _set(self, content: memoryview, kind: int) -> bool:
        size = content.nbytes
        read = self._library.llama_state_seq_set_data_ext(
            self._context,
            (ctypes.c_uint8 * size).from_buffer(content),
            size,
            _SEQUENCE,
            kind,
        )
        return bool(read == size)

    def _remove_from(self, position: int) -> None:
        self._library.llama_memory_seq_rm(self._memory, _SEQUENCE, position, -1)
        del self.tokens[position:]


def _view(cells: ctypes.Array[ctypes.c_uint8]) -> memoryview:
    return np.ctypeslib.as_array(cells).data
