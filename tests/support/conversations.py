"""Random conversations with the embedded model, and what an empty cache computes for them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from gptoss_cli.chat.keeping import Keeper
from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.turn import Chat, Prepared, said
from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.engine.context import LlamaContext, LlamaOptions
from gptoss_cli.engine.kv_store import KVStore
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.engine.local import LocalEngine
from gptoss_cli.engine.prefill import piece_end
from gptoss_cli.engine.reuse import Place
from gptoss_cli.events import Finished, MessageCompleted
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.messages import Channel, Message, Role, analysis, user
from gptoss_cli.models.registry import DEMO_FILE
from gptoss_cli.models.weights import open_model
from gptoss_cli.sessions.store import open_store
from tests.support.engines import options_for

ACTIONS = ("ask", "ask", "undo", "undo", "regenerate", "tool", "stop", "restart", "effort")
GREEDY = ChatSettings(date="2026-11-22", sampling=Sampling(temperature=0.0), max_tokens=200)


class NotingContext(LlamaContext):
    """A context that keeps every row of logits, and which tokens of the cache were decoded one by
    one: llama.cpp multiplies one row in another order than several.
    """

    def __init__(self, options: LlamaOptions) -> None:
        super().__init__(options)
        self.rows: list[np.ndarray] = []
        self.alone: list[bool] = []

    def decode(self, tokens: Sequence[int], *, logits: bool) -> bool:
        before = len(self.kv.tokens)
        decoded = super().decode(tokens, logits=logits)
        if logits and decoded:
            self.rows.append(self.logits().copy())
        unknown = max(0, before - len(self.alone))  # from a disk: what prompts begin with
        del self.alone[before:]
        self.alone += [False] * unknown + [len(tokens) == 1] * (len(self.kv.tokens) - before)
        return decoded

    def fresh(self, tokens: Sequence[int], n_prompt: int, alone: Sequence[bool]) -> np.ndarray:
        """Return the logits behind a prompt and behind each token of its answer, read from an empty
        cache: shape [answer, vocabulary]. Tokens that were `alone` are so again.
        """
        self.kv.clear()
        self.rows.clear()
        for start, end in _pieces(alone[:n_prompt], self.piece_tokens):
            assert self.decode(tokens[start:end], logits=end == n_prompt)
        for token in tokens[n_prompt:]:
            assert self.decode([token], logits=True)
        return np.array(self.rows)


def _pieces(alone: Sequence[bool], size: int) -> Iterator[tuple[int, int]]:
    """Yield where pieces of at most `size` tokens start and end; who is `alone` has its own."""
    start = 0
    for is_alone, run in itertools.groupby(alone):
        cut = start + len(list(run))
        while start < cut:
            end = start + 1 if is_alone else piece_end(start, size, cut)
            yield start, end
            start = end


class RandomConversation:
    """A chat in which a person asks, goes back, asks again and interrupts, a tool answers, and the
    program ends and is started again. `kind`: the class of its contexts.
    """

    def __init__(self, seed: int, folder: Path, kind: type[NotingContext] = NotingContext) -> None:
        self._chance = random.Random(seed)
        self._kind = kind
        self._opened = open_model(DEMO_FILE)
        self._place = Place(KVStore(folder / "kv", 1 << 30), "demo")
        self._sessions = open_store(folder / f"sessions{seed}.db")
        self.cached_tokens = 0
        self.context: Any = None
        self._begin()

    def answers(self, turns: int) -> Iterator[tuple[list[int], int, np.ndarray, list[bool]]]:
        """Yield each answer, also what there is of a stopped one: the tokens of prompt and answer,
        how many of them are the prompt, the logits behind it and each token of the answer, and
        which tokens were decoded alone.
        """
        for _ in range(turns):
            self.context.rows.clear()
            self._act(self._chance.choice(ACTIONS))
            rows, tokens = self.context.rows, list(self.context.kv.tokens)
            if rows:
                yield tokens, len(tokens) + 1 - len(rows), np.array(rows), list(self.context.alone)

    def close(self) -> None:
        """End the program and its store."""
        self._chat.close()
        self._sessions.close()

    def _begin(self) -> None:
        with mock.patch("gptoss_cli.engine.llama.LlamaContext", self._kind):
            generator = LlamaTokenGenerator(options_for(DEMO_FILE, 4096, self._place))
        known = self.context.alone if self.context is not None else []
        self.context = generator._context
        self.context.alone = known
        vocabulary = Vocabulary(self._opened.tokens, self._opened.token_types)
        self._engine = LocalEngine(generator, vocabulary)
        self._chat = Chat(self._engine, GREEDY, keeper=Keeper(self._sessions))

    def _act(self, action: str) -> None:
        chat, chance = self._chat, self._chance
        turns = chat.tree.turns()
        match action:
            case "undo" if turns:
                question = chance.choice(turns).question
                assert question is not None
                chat.move(question.parent_id)
            case "regenerate" if turns and turns[-1].question is not None:
                chat.move(turns[-1].question.id)
                self._take(chat.prepare_again())
                return
            case "tool":
                self._use_tool()
                return
            case "stop":
                self._take(chat.prepare(self._question()), chance.randrange(1, 60))
                return
            case "restart":
                session_id = chat.keeper.session_id
                chat.close()
                self._begin()
                if session_id is not None:
                    self._chat.take_up(self._sessions.load(session_id))
            case "effort":
                chat.settings = GREEDY.with_effort(chance.choice(["low", "high", "none"]))
        if chance.random() < 0.5:  # idle time came before the question
            self._chat.prefill(Cancel())
        self._take(self._chat.prepare(self._question()))

    def _take(self, prepared: Prepared, stops_after: int = 0) -> None:
        cancel = Cancel()
        for number, event in enumerate(self._chat.answer(prepared, cancel), 1):
            if number == stops_after:
                cancel.set()
            if isinstance(event, Finished):
                self.cached_tokens += event.usage.cached_tokens

    def _use_tool(self) -> None:
        """Ask, and go on as if a tool had been called in the middle of the thinking."""
        chat, question = self._chat, user(self._question())
        earlier = said(chat.tree.path())
        call = Message(
            role=Role.ASSISTANT,
            content='{"a": 1}',
            channel=Channel.COMMENTARY,
            recipient="functions.add",
        )
        result = Message(role=Role.TOOL, name="functions.add", content=question.content[:12])
        said_now = (question, analysis("I add."), call, result)
        for messages, most in (((question,), 9), (said_now, GREEDY.max_tokens)):
            self.context.rows.clear()
            events = self._engine.answer(
                chat.settings.conversation((*earlier, *messages)),
                sampling=GREEDY.sampling,
                max_tokens=most,
                cancel=Cancel(),
            )
            written = [event.message for event in events if isinstance(event, MessageCompleted)]
        for message in (*said_now, *written):
            chat.tree.add(message)
        chat.keep()

    def _question(self) -> str:
        a, b, which = (self._chance.randrange(top) for top in (10_000, 1_000, 5))
        return (
            f"What is {a} + {b}?",
            f"{a} - {b}",
            f"add {b} to {b}",
            f"and {b}?",
            f"{b} 더하기 {b}는?",
        )[which]
