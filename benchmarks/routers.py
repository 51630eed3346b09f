"""A context in which can be seen, and decided, which experts each token gets."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gptoss_cli.engine.context import UBATCH_TOKENS, LlamaOptions
from tests.support.conversations import NotingContext


@dataclass(frozen=True, slots=True)
class Choice:
    """The experts of one token in one layer, and how far the last of them led the next one."""

    experts: tuple[int, ...]
    lead: float

    def is_same(self, other: Choice) -> bool:
        return set(self.experts) == set(other.experts)


Choices = dict[tuple[int, int], Choice]  # by position and layer


class _Tensor(ctypes.Structure):
    # ggml.h: struct ggml_tensor, up to its name
    _fields_ = (
        *(("type", ctypes.c_int), ("buffer", ctypes.c_void_p), ("ne", ctypes.c_int64 * 4)),
        *(("nb", ctypes.c_size_t * 4), ("op", ctypes.c_int), ("op_params", ctypes.c_int32 * 16)),
        *(("flags", ctypes.c_int32), ("src", ctypes.c_void_p * 10), ("view_src", ctypes.c_void_p)),
        *(("view_offs", ctypes.c_size_t), ("data", ctypes.c_void_p), ("name", ctypes.c_char * 64)),
    )

    def row(self, index: int, kind: Any) -> np.ndarray:
        start = ctypes.cast(self.data + index * self.nb[1], ctypes.POINTER(kind))
        return np.ctypeslib.as_array(start, shape=(self.ne[0],))


@dataclass
class Routers:
    """Notes what is ``chosen`` and, where ``held`` says something else, chooses that. ``end``: the
    position behind the present batch.
    """

    end: int = 0
    chosen: Choices = field(default_factory=dict)
    held: Choices = field(default_factory=dict)
    _scores: list[np.ndarray] = field(default_factory=list)

    def see(self, address: int, ask: bool, _user_data: object) -> bool:
        """Be called by llama.cpp before and after it computes a tensor (``cb_eval``)."""
        tensor = _Tensor.from_address(address)
        kind, _, layer = tensor.name.decode().rpartition("-")
        if not layer.isdecimal() or kind not in {"ffn_moe_probs", "ffn_moe_topk"}:
            return not ask
        if ask:
            return True
        count = tensor.ne[1]  # in the last layer only the tokens whose logits are wanted
        if kind == "ffn_moe_probs":
            self._scores = [np.sort(tensor.row(i, ctypes.c_float)) for i in range(count)]
            return True
        for i, scores in enumerate(self._scores):
            place, experts = (self.end - count + i, int(layer)), tensor.row(i, ctypes.c_int32)
            used = len(experts)
            choice = Choice(tuple(experts.tolist()), float(scores[-used] - scores[-used - 1]))
            held = self.held.get(place, choice)
            if not held.is_same(choice):
                experts[:] = held.experts
            self.chosen[place] = held
        return True


class _Library:
    """llama.cpp, but contexts report to routers and have room for the logits of a whole batch."""

    def __init__(self, library: Any, routers: Routers) -> None:
        self._library = library
        self._callback = library.ggml_backend_sched_eval_callback(routers.see)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def llama_init_from_model(self, model: Any, parameters: Any) -> Any:
        parameters.cb_eval, parameters.n_outputs_max = self._callback, UBATCH_TOKENS
        return self._library.llama_init_from_model(model, parameters)


class RoutedContext(NotingContext):
    """A context whose routers are seen."""

    def __init__(self, options: LlamaOptions) -> None:
        super().__init__(options)
        self.routers = Routers()

    def load(self, *arguments: Any) -> None:
        super().load(*arguments)
        self._library = _Library(self._library, self.routers)

    def decode(self, tokens: Sequence[int], *, logits: bool) -> bool:
        self.routers.end = len(self.kv.tokens) + len(tokens)
        return super().decode(tokens, logits=logits)

    def fresh(self, tokens: Sequence[int], n_prompt: int, alone: Sequence[bool]) -> np.ndarray:
        self.routers.chosen = {}
        return super().fresh(tokens, n_prompt, alone)

    def bare(self, tokens: Sequence[int], size: int) -> np.ndarray:
        """Return the logits of all `tokens`, decoded from nothing in batches of `size`."""
        self.kv.clear()
        self.reserve(len(tokens))
        self.routers.chosen, rows = {}, []
        for start in range(0, len(tokens), size):
            count = min(size, len(tokens) - start)
            self._tokens[:count], self._outputs[:count] = tokens[start : start + count], [1] * count
            self._batch.n_tokens, self.routers.end = count, start + count
            self.run(self._batch)
            for i in range(count):
                row = self.library.llama_get_logits_ith(self.handle, i)
                rows.append(np.ctypeslib.as_array(row, shape=(self.vocabulary_size,)).copy())
        self._outputs[:] = [0] * UBATCH_TOKENS
        return np.array(rows)
