"""What prompt lookup would have to guess right to pay, and what it does guess right.

    python -m benchmarks.lookup MODEL.gguf [ROUNDS]

Verifying k guesses decodes k + 1 tokens at once, each with its logits. A mixture of experts reads
other experts for each token, so on a CPU that costs nearly as much as decoding them one by one.
Printed are the cost of k + 1 tokens in tokens decoded alone, the share of guesses that must be
right to break even (each right with the same chance, as far as the first wrong one), and the share
that is right on answers of the embedded model that repeat their prompt, which has most from it.
"""

from __future__ import annotations

import ctypes
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.engine.context import LlamaContext
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.engine.local import LocalEngine
from gptoss_cli.harmony.vocabulary import ControlToken, Vocabulary
from gptoss_cli.messages import Conversation, user
from gptoss_cli.models.weights import open_model
from tests.support.engines import options_for

MOST_GUESSES = 8
BEHIND_TOKENS = 64
KEYS = (3, 2)
DEMO = Path(__file__).parents[1] / "gptoss_cli" / "models" / "demo.gguf"


def costs(path: Path, rounds: int) -> list[float]:
    """Return seconds of decoding 1 to MOST_GUESSES + 1 tokens at once, medians."""
    context = LlamaContext(options_for(path, 4096, threads=2))
    context.load(lambda _: None, Cancel())
    # A row of logits for each token needs room for as many; sequences make it.
    context.open(4096, sequences=MOST_GUESSES + 1)
    library, chosen = context.library, random.Random(1)

    def decode(count: int) -> float:
        ids = (ctypes.c_int32 * count)(*(chosen.randrange(199_000) for _ in range(count)))
        rows = (ctypes.c_int8 * count)(*([1] * count))
        batch = library.llama_batch(
            n_tokens=count,
            token=ctypes.cast(ids, ctypes.POINTER(library.llama_token)),
            logits=ctypes.cast(rows, ctypes.POINTER(ctypes.c_int8)),
        )
        began = time.perf_counter()
        context.run(batch)
        context.logits()
        return time.perf_counter() - began

    for _ in range(BEHIND_TOKENS // MOST_GUESSES):
        decode(MOST_GUESSES)
    measured: list[list[float]] = [[] for _ in range(MOST_GUESSES + 1)]
    for _ in range(rounds):
        for guesses, times in enumerate(measured):
            times.append(decode(guesses + 1))
    context.close()
    return [statistics.median(times) for times in measured]


def break_even(cost: float, guesses: int) -> float:
    """Return the chance of each guess at which `cost` is what is gained; above 1: never."""
    low, high = 0.0, 1.0
    if cost >= guesses + 1:
        return float("inf")
    for _ in range(50):
        middle = (low + high) / 2
        gained = sum(middle**i for i in range(guesses + 1))
        low, high = (middle, high) if gained < cost else (low, middle)
    return high


def right(prompt: Sequence[int], answer: Sequence[int], guesses: int) -> tuple[int, int, int]:
    """Return what lookup does for a known answer: decodes, guesses made, guesses right."""
    known, place = list(prompt), 0
    decodes = made = kept = 0
    while place < len(answer):
        draft = _draft(known, guesses)
        good = 0
        while good < len(draft) and place + good < len(answer) - 1:
            if draft[good] != answer[place + good]:
                break
            good += 1
        decodes, made, kept = decodes + 1, made + len(draft), kept + good
        known += answer[place : place + good + 1]
        place += good + 1
    return decodes, made, kept


def _draft(known: Sequence[int], guesses: int) -> list[int]:
    for size in KEYS:
        tail = known[-size:]
        for start in range(len(known) - size - 1, -1, -1):
            if known[start : start + size] == tail:
                return list(known[start + size : start + size + guesses])
    return []


def repeating_answers() -> list[tuple[list[int], list[int]]]:
    """Return prompts and greedy answers of the embedded model, which repeat the question."""
    opened = open_model(DEMO)
    vocabulary = Vocabulary(opened.tokens, opened.token_types)
    generator = LlamaTokenGenerator(options_for(DEMO, 1024))
    engine = LocalEngine(generator, vocabulary)
    chosen, found = random.Random(2), []
    stop = frozenset(vocabulary.control(name) for name in (ControlToken.RETURN, ControlToken.CALL))
    for _ in range(60):
        question = f"{chosen.randrange(1000, 9999)} + {chosen.randrange(1000, 9999)}"
        prompt = engine._prompt(Conversation(messages=(user(question),)))  # noqa: SLF001
        steps = generator.generate(
            prompt,
            sampling=Sampling(temperature=0.0),
            stop=stop,
            max_tokens=200,
            cancel=Cancel(),
        )
        found.append((prompt, [step for step in steps if isinstance(step, int)]))
    generator.close()
    return found


def main() -> None:
    path, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7
    answers = repeating_answers()
    times = costs(path, rounds)
    print(f"one token {times[0] * 1e3:.0f} ms")
    print("guesses   cost of verifying   break-even   right on the embedded model   gain with that")
    for guesses in range(1, MOST_GUESSES + 1):
        counts = [right(prompt, answer, guesses) for prompt, answer in answers]
        decodes, made, kept = (sum(one) for one in zip(*counts, strict=True))
        tokens = sum(len(answer) for _, answer in answers)
        cost = times[guesses] / times[0]
        # What has no draft costs one token; a draft is taken for a full one, which is nearly so.
        drafted = made / guesses
        gain = tokens / ((decodes - drafted) + drafted * cost)
        print(
            f"{guesses:7} {cost:19.2f} {break_even(cost, guesses):12.2f} "
            f"{kept / made if made else 0:29.2f} {gain:16.2f}"
        )


if __name__ == "__main__":
    main()
