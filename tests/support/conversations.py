"""Random conversations with the embedded model, and what an empty cache computes for them."""

from __future__ import annotations

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
    """A context that keeps every row of logits. `piece`: the most tokens of a prompt it decodes at
    once.
    """

    piece = 128

    def __init__(self, options: LlamaOptions) -> None:
        super().__init__(options)
        self.rows: list[np.ndarray] = []

    @property
    def piece_tokens(self) -> int:
        return self.piece

    def decode(self, tokens: Sequence[int], *, logits: bool) -> bool:
        decoded = super().decode(tokens, logits=logits)
        if logits and decoded:
            self.rows.append(self.logits().copy())
        return decoded

    def fresh(self, tokens: Sequence[int], n_prompt: int) -> np.ndarray:
        """Return the logits behind a prompt and behind each token of its answer, read from an empty
        cache: shape [answer, vocabulary].
        """
        self.kv.clear()
        self.rows.clear()
        for start in range(0, n_prompt, self.piece):
            end = min(start + self.piece, n_prompt)
            assert self.decode(tokens[start:end], logits=end == n_prompt)
        for token in tokens[n_prompt:]:
            assert self.decode([token], logits=True)
        return np.array(self.rows)


class RandomConversation:
    """A chat in which a person asks, goes back, asks again and interrupts, a tool answers, and the
    program ends and is started again. `kind`: the class of its contexts.
    """

    def __init__(self, seed: int, folder: Path, kind: type[NotingContext]) -> None:
        self._chance = random.Random(seed)
        self._kind = kind
        self._opened = open_model(DEMO_FILE)
        self._place = Place(KVStore(folder / "kv", 1 << 30), "demo")
        self._sessions = open_store(folder / f"sessions{seed}.db")
        self.cached_tokens = 0
        self._begin()

    def answers(self, turns: int) -> Iterator[tuple[list[int], int, np.ndarray]]:
        """Yield each answer, also what there is of a stopped one: the tokens of prompt and answer,
        how many of them are the prompt, and the logits behind it and each token of the answer.
        """
        for _ in range(turns):
            self.context.rows.clear()
            self._act(self._chance.choice(ACTIONS))
            rows, tokens = self.context.rows, list(self.context.kv.tokens)
            if rows:
                yield tokens, len(tokens) + 1 - len(rows), np.array(rows)

    def close(self) -> None:
        """End the program and its store."""
        self._chat.close()
        self._sessions.close()

    def _begin(self) -> None:
        with mock.patch("gptoss_cli.engine.llama.LlamaContext", self._kind):
            generator = LlamaTokenGenerator(options_for(DEMO_FILE, 4096, self._place))
        self.context: Any = generator._context
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
