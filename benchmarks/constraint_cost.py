"""What a grammar costs per token at the vocabulary of a model, without the model.

    python benchmarks/constraint_cost.py MODEL.gguf

Only the vocabulary of MODEL is read. A JSON text is followed token by token: once with logits that
favour its tokens, so that the first draw is accepted, and once for a mask. Times are the thread's
own, so that other programs on the machine do not count.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from gptoss_cli.engine.base import Sampling
from gptoss_cli.engine.grammar import TextConstraint, TokenTable
from gptoss_cli.engine.llama import _draw
from gptoss_cli.engine.sampling import Sampler
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.models.weights import open_model
from gptoss_cli.structured.form import schema_form

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "age", "tags"],
}
ANSWER = {
    "name": "Ada Lovelace, countess",
    "age": 36,
    "address": {"city": "London", "street": "St James's Square"},
    "tags": ["mathematics", "engines", "poetry", "a longer one with some more words in it"],
}
ROUNDS = 9


class Held:
    """A text's constraint as the token loop sees one."""

    is_over = False

    def __init__(self, text: TextConstraint) -> None:
        self._text = text
        self.accept = text.accept
        self.allowed = text.allowed


def main() -> None:
    opened = open_model(Path(sys.argv[1]))
    vocabulary = Vocabulary(opened.tokens, opened.token_types)
    pieces, control = vocabulary.byte_pieces(), vocabulary.control_ids
    started = time.thread_time()
    table = TokenTable(pieces, control, vocabulary.control("<|return|>"))
    print(f"{vocabulary.size:,} entries; table of tokens {time.thread_time() - started:.2f} s")
    form = schema_form(json.dumps(SCHEMA))
    tokens = vocabulary.encode(json.dumps(ANSWER, indent=2))
    random = np.random.default_rng(1)
    noise = (random.standard_normal(vocabulary.size) * 3).astype(np.float32)
    free, accepted, masked = [], [], []
    starts = []
    for _ in range(ROUNDS):
        started = time.thread_time()
        first, second = TextConstraint(form.grammar, table), TextConstraint(form.grammar, table)
        starts.append((time.thread_time() - started) / 2)
        sampler = Sampler(Sampling(seed=1), vocabulary.size)
        for token in tokens:
            favoured = noise.copy()
            favoured[token] = 60.0
            started = time.thread_time()
            sampler.draw(favoured)
            free.append(time.thread_time() - started)
            started = time.thread_time()
            assert _draw(sampler, favoured, Held(first)) == token
            accepted.append(time.thread_time() - started)
            started = time.thread_time()
            second.allowed()
            masked.append(time.thread_time() - started)
            assert second.accept(token)
    print(f"{len(tokens)} tokens, {ROUNDS} rounds; constraint made in {ms(starts)}")
    print(f"draw without a grammar    {ms(free)}")
    print(f"draw, accepted at once    {ms(accepted)}")
    print(f"a mask                    {ms(masked)}")


def ms(values: list[float]) -> str:
    ordered = sorted(values)
    late = ordered[int(len(ordered) * 0.95)]
    middle = statistics.median(values)
    return f"{middle * 1e3:.3f} ms (95 %: {late * 1e3:.3f}, max {ordered[-1] * 1e3:.3f})"


if __name__ == "__main__":
    main()
