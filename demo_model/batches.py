"""Samples as rows of tokens: a trunk and branches that share it.

The samples of a row have their beginning in common (the long system message, an earlier turn).
It is computed once: the first sample's tokens are the trunk, and every further sample is a branch
that sees the trunk up to where it parts from it. Positions go on from there, so each sample is
computed exactly as if it stood alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from demo_model import data
from demo_model.data import Sample
from gptoss_cli.harmony.render import PromptEncoder, render
from gptoss_cli.harmony.vocabulary import ControlToken, Vocabulary
from gptoss_cli.messages import Conversation, Message, Role


def message_tokens(vocabulary: Vocabulary, message: Message) -> list[int]:
    """Return the ids of `message` as the model writes it: after its role, before its end."""
    ids = [vocabulary.control(ControlToken.CHANNEL)]
    header = str(message.channel)
    if message.recipient is not None:
        header += f" to={message.recipient} "
    kind = message.content_type or ""
    plain = kind.removeprefix(ControlToken.CONSTRAIN)
    if plain != kind:
        ids += vocabulary.encode(header)
        ids.append(vocabulary.control(ControlToken.CONSTRAIN))
        ids += vocabulary.encode(plain)
    else:
        ids += vocabulary.encode(header + plain)
    ids.append(vocabulary.control(ControlToken.MESSAGE))
    return ids + vocabulary.encode(message.content)


def completion_tokens(vocabulary: Vocabulary, messages: Iterable[Message]) -> list[int]:
    """Return the ids of a step of the assistant, its end marker included."""
    ids: list[int] = []
    for message in messages:
        if ids:
            ids += [vocabulary.control(ControlToken.END), vocabulary.control(ControlToken.START)]
            ids += vocabulary.encode("assistant")
        ids += message_tokens(vocabulary, message)
    last = ControlToken.CALL if message.recipient is not None else ControlToken.RETURN
    return [*ids, vocabulary.control(last)]


_AT_TURNS, _AT_START = 3.0, 3.0
_SHORT_FIRST = ((400, 80), (900, 120))
_FIELDS = ("tokens", "targets", "weights", "positions", "samples")
_ROW_LENGTHS = (256, 256, 256, 320, 320, 320, 384, 384, 448, 448, 512, 640)


class SampleEncoder:
    """Samples to (prompt, completion) ids, by the program's own renderer."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._encoder = PromptEncoder(vocabulary)

    def prompt(self, conversation: Conversation) -> list[int]:
        """Return the prompt; calls are replayed as the model wrote them."""
        messages = tuple(
            replace(m, tokens=tuple(message_tokens(self.vocabulary, m)))
            if m.role is Role.ASSISTANT and m.recipient is not None
            else m
            for m in conversation.messages
        )
        return self._encoder.encode(render(replace(conversation, messages=messages)))

    def encode(self, sample: Sample) -> tuple[list[int], list[int]]:
        """Return the ids of the prompt and of the completion."""
        return self.prompt(sample.conversation), completion_tokens(
            self.vocabulary, sample.completion
        )


class Row:
    """The samples of one row, up to `length` tokens."""

    def __init__(self, length: int, vocabulary: Vocabulary) -> None:
        self._message = vocabulary.control(ControlToken.MESSAGE)
        # Signs at which the effort decides how the steps go on.
        turns = (*vocabulary.encode(";"), *vocabulary.encode("\n"))
        self._turns = [*turns, vocabulary.control(ControlToken.END)]
        self.length = length
        self.used = 0
        self.tokens = np.zeros(length, np.int64)
        self.targets = np.full(length, -100, np.int64)
        self.weights = np.zeros(length, np.float32)
        self.samples = np.zeros(length, np.int64)
        self.count = 0
        self.positions = np.zeros(length, np.int64)
        self.visible = np.zeros((length, length), bool)
        self._trunk = np.zeros(0, np.int64)

    def add(self, prompt: list[int], completion: list[int]) -> bool:
        """Take a sample in; False if there is no room for it."""
        ids = np.array(prompt + completion, np.int64)
        # The last token of the prompt predicts the first of the completion, so it is always new.
        limit = min(len(prompt) - 1, len(self._trunk))
        differs = np.nonzero(ids[:limit] != self._trunk[:limit])[0]
        shared = int(differs[0]) if len(differs) else limit
        new = len(ids) - 1 - shared
        begin, end = self.used, self.used + new
        if end > self.length:
            return False
        self.tokens[begin:end] = ids[shared:-1]
        self.positions[begin:end] = np.arange(shared, len(ids) - 1)
        self.visible[begin:end, :shared] = True
        self.visible[begin:end, begin:end] = np.tri(new, dtype=bool)
        answer = begin + len(prompt) - 1 - shared
        self.targets[answer:end] = completion
        # Between counting tokens and counting samples: short answers matter, too.
        self.weights[answer:end] = len(completion) ** -0.5 * self._importance(completion)
        self.samples[answer:end] = self.count
        self.count += 1
        if not self.used:
            self._trunk = ids[:-1]
        self.used = end
        return True

    def _importance(self, completion: list[int]) -> np.ndarray:
        """Return weights for tokens that much hangs on and that are few among the sure ones."""
        ids = np.array(completion)
        important = np.where(np.isin(ids, self._turns), _AT_TURNS, 1.0)
        important[completion.index(self._message) + 1] = _AT_START
        return important


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows side by side."""

    tokens: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    positions: np.ndarray
    samples: np.ndarray
    visible: np.ndarray


def row(rng: Random, encoder: SampleEncoder, length: int, longest: int) -> Row:
    """Return a row filled with samples of one system message.

    Answers of more than `longest` tokens are left out; so are those that do not fit a short row.
    """
    while True:
        filled = Row(length, encoder.vocabulary)
        misses = 0
        # Long system and developer messages pay in rows where many samples share them.
        often = 0.6 if length > 380 else 0.04
        sentences = max(1, length // 128)
        start = data.conversation(rng, instruction_sentences=sentences, often=often)
        while misses < 2:
            turns = rng.choice((1, 2, 2, 3, 3)) if length < 400 else rng.choice((2, 3, 4, 6))
            # From the last turn back: its prompt holds the earlier ones, which become branches.
            for sample in reversed(data.dialogue(rng, start, turns)):
                prompt, completion = encoder.encode(sample)
                if len(completion) <= longest:
                    misses += not filled.add(prompt, completion)
        if filled.used > length // 2:
            return filled


def longest_answer(step: int) -> int:
    """Return the length of the answers to learn from at `step`: what is short is learned first."""
    return next((tokens for until, tokens in _SHORT_FIRST if step < until), 1 << 16)


def batches(
    seed: int,
    vocabulary: Vocabulary,
    tokens_per_batch: int,
    first_step: int = 0,
    share: tuple[int, int] = (0, 1),
) -> Iterator[Batch]:
    """Yield batches without end, or each batch's rows that are the share of worker n of m.

    The rows of a step depend on the seed and the step alone.
    """
    encoder = SampleEncoder(vocabulary)
    worker, workers = share
    step = first_step
    while True:
        length = Random(f"{seed}:{step}").choice(_ROW_LENGTHS)
        # An even number, which two workers share.
        count = max(1, tokens_per_batch // length // 2) * 2
        rows = [
            row(Random(f"{seed}:{step}:{i}"), encoder, length, longest_answer(step))
            for i in range(worker, count, workers)
        ]
        longest = max(r.used for r in rows)
        yield Batch(
            *(np.stack([getattr(r, name)[:longest] for r in rows]) for name in _FIELDS),
            np.stack([r.visible[:longest, :longest] for r in rows]),
        )
        step += 1
