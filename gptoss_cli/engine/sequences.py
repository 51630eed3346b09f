"""Several sequences in one KV cache, which begin with the same tokens and share their cells.

Sequence 0 holds the prefix and nothing else: it never grows, so that its sliding window stays
whole, and the others begin as copies of it, which costs nothing. Sequences are removed only as a
whole: going back inside one is what corrupts a sliding window (engine/kv.py). Cells that several
sequences share are never reused, not even behind all their windows; hence the prefix keeps only its
last window (``_trim``), and there is room for some more windows than there are sequences.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gptoss_cli.engine.context import LlamaContext
from gptoss_cli.engine.kv import common_prefix
from gptoss_cli.engine.kv_file import KVState, Section
from gptoss_cli.errors import EngineError

_PREFIX: Final = 0
_WHOLE: Final = 0
_PARTIAL: Final = 1  # LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY: the sliding-window cells alone


def sequences_for(parallel: int) -> int:
    """Return how many sequences the context is made for, so that `parallel` can be decoded.

    One is the prefix. The window's cache grows with their number; groups that began with another
    prefix than the present one may pin one window each.
    """
    return 1 if parallel < 1 else 2 * parallel + 2


@dataclass(frozen=True, slots=True)
class Row:
    """One token to decode: where, and whether its logits are wanted."""

    sequence: int
    position: int
    token: int
    logits: bool = False


class Sequences:
    """The sequences 1 to `parallel` of `context`, all of it on the worker thread."""

    def __init__(self, context: LlamaContext, parallel: int, window: int) -> None:
        """Open the context; `window`: the most tokens one sequence may have."""
        self._context = context
        self._library = context.library
        context.open(window * parallel, sequences=sequences_for(parallel))
        self._memory = self._library.llama_get_memory(context.handle)
        self._swa_tokens = context.sliding_window
        self._prefix: list[int] = []
        self.free = list(range(parallel, 0, -1))

    def shared(self, prefix: Sequence[int]) -> int:
        """Return how many tokens of `prefix` are in the cache and can be copied exactly."""
        shared = common_prefix(self._prefix, prefix)
        oldest = self._library.llama_memory_seq_pos_min(self._memory, _PREFIX)
        reaches = 0 <= oldest <= max(0, shared - (self._swa_tokens - 1))
        return shared if reaches else 0

    def set_prefix(self, prefix: Sequence[int]) -> bool:
        """Decode `prefix` as the one that later sequences share; False when cancelled.

        Sequences that began with another one keep its cells.
        """
        self._remove(_PREFIX)
        self._prefix = []
        step = self._context.piece_behind(self._context.window)
        for start in range(0, len(prefix), step):
            piece = prefix[start : start + step]
            rows = [Row(_PREFIX, start + i, token) for i, token in enumerate(piece)]
            if not self.decode(rows):
                return False
        self._trim()
        self._prefix = list(prefix)
        return True

    def take_prefix(self, state: KVState) -> bool:
        """Have the prefix of `state` without decoding it; False, and none, if that fails."""
        self._remove(_PREFIX)
        self._prefix = []
        content = state.state.content
        if not self._set((ctypes.c_uint8 * content.nbytes).from_buffer(content), _WHOLE):
            self._remove(_PREFIX)
            return False
        self._prefix = state.tokens.tolist()
        return True

    def exported_prefix(self) -> KVState:
        """Return the prefix as ``take_prefix`` takes it."""
        cells = np.ctypeslib.as_array(self._cells(_WHOLE))
        n_tokens = len(self._prefix)
        return KVState(np.array(self._prefix, dtype=np.int32), Section(n_tokens, cells.data))

    def begin(self, shared: int) -> int:
        """Return a free sequence that holds the first `shared` tokens of the prefix."""
        sequence = self.free.pop()
        if shared:
            self._library.llama_memory_seq_cp(self._memory, _PREFIX, sequence, 0, shared)
        return sequence

    def end(self, sequence: int) -> None:
        """Remove a sequence; its number is free again."""
        self._remove(sequence)
        self.free.append(sequence)

    def decode(self, rows: Sequence[Row]) -> bool:
        """Decode at most one ubatch of `rows`; False when cancelled."""
        library, count = self._library, len(rows)
        tokens = np.array([row.token for row in rows], dtype=np.int32)
        positions = np.array([row.position for row in rows], dtype=np.int32)
        outputs = np.array([row.logits for row in rows], dtype=np.int8)
        ones = np.ones(count, dtype=np.int32)
        ids = (library.llama_seq_id * count)(*(row.sequence for row in rows))
        first, step = ctypes.addressof(ids), ctypes.sizeof(library.llama_seq_id)
        addresses = np.arange(first, first + step * count, step, dtype=np.uintp)
        one_each = ctypes.POINTER(ctypes.POINTER(library.llama_seq_id))
        batch = library.llama_batch(
            n_tokens=count,
            token=tokens.ctypes.data_as(ctypes.POINTER(library.llama_token)),
            pos=positions.ctypes.data_as(ctypes.POINTER(library.llama_pos)),
            n_seq_id=ones.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            seq_id=addresses.ctypes.data_as(one_each),
            logits=outputs.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )
        return self._context.run(batch)

    def logits(self, row: int) -> NDArray[np.float32]:
        """Return the logits of a row of the last decode, shape [vocabulary size], not copied."""
        pointer = self._library.llama_get_logits_ith(self._context.handle, row)
        if not pointer:
            raise EngineError("llama.cpp has no logits after a decode.")
        return np.ctypeslib.as_array(pointer, shape=(self._context.vocabulary_size,))

    def _remove(self, sequence: int) -> None:
        self._library.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def _trim(self) -> None:
        """Free the window's cells that no later token of the prefix's sequence looks at.

        Reading the window back into its own sequence does that, and touches nothing else.
        """
        if not self._set(self._cells(_PARTIAL), _PARTIAL):
            raise EngineError("llama.cpp cannot copy the cache of a sequence.")

    def _cells(self, kind: int) -> ctypes.Array[ctypes.c_uint8]:
        library, handle = self._library, self._context.handle
        size = library.llama_state_seq_get_size_ext(handle, _PREFIX, kind)
        cells: ctypes.Array[ctypes.c_uint8] = (ctypes.c_uint8 * size)()
        if library.llama_state_seq_get_data_ext(handle, cells, size, _PREFIX, kind) != size:
            raise EngineError("llama.cpp cannot copy the cache of a sequence.")
        return cells

    def _set(self, cells: ctypes.Array[ctypes.c_uint8], kind: int) -> bool:
        size = len(cells)
        read = self._library.llama_state_seq_set_data_ext(
            self._context.handle, cells, size, _PREFIX, kind
        )
        return bool(read == size)
