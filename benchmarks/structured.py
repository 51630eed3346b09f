"""Answers under a schema are valid, or the schema is refused by name: the JSON Schema test suite.

    python benchmarks/structured.py SUITE [SAMPLES]

SUITE is the folder ``tests`` of json-schema-org/JSON-Schema-Test-Suite (also inside the source
distribution of jsonschema, as ``json/tests``). Every schema of drafts 7 and 2020-12 is given to a
random-weights model at temperature 1, SAMPLES times (20). Each answer that is not cut off is
validated twice: as the program does, and by jsonschema as it comes, formats included.
"""

from __future__ import annotations

import collections
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jsonschema

from gptoss_cli.engine.base import Cancel, Sampling
from gptoss_cli.engine.context import LlamaOptions
from gptoss_cli.engine.llama import LlamaTokenGenerator
from gptoss_cli.engine.local import LocalEngine
from gptoss_cli.errors import UnmetFormError
from gptoss_cli.events import FinalDelta, Finished, FinishReason
from gptoss_cli.harmony.vocabulary import Vocabulary
from gptoss_cli.messages import Conversation, user
from gptoss_cli.models.weights import open_model
from gptoss_cli.structured.form import OutputForm, schema_form
from tests.support.random_model import write_random_model

DRAFTS = {
    "draft7": ("http://json-schema.org/draft-07/schema#", jsonschema.Draft7Validator),
    "draft2020-12": (
        "https://json-schema.org/draft/2020-12/schema",
        jsonschema.Draft202012Validator,
    ),
}
MOST_TOKENS = 400
ASKED = Conversation(messages=(user("Say something."),))


def schemas_of(suite: Path) -> dict[str, tuple[str, Any]]:
    """Return the schemas of all drafts by their text, each with its draft."""
    found: dict[str, tuple[str, Any]] = {}
    for draft, (address, _) in DRAFTS.items():
        files = [*(suite / draft).glob("*.json"), *(suite / draft / "optional").rglob("*.json")]
        for file in sorted(files):
            for case in json.loads(file.read_text("utf-8")):
                schema = case["schema"]
                if isinstance(schema, dict):
                    schema = {"$schema": address} | schema
                found.setdefault(draft + json.dumps(schema), (draft, schema))
    return found


def sample(engine: LocalEngine, form: OutputForm, seed: int) -> tuple[str, bool]:
    """Return an answer and whether it was finished."""
    text, finished = "", False
    for event in engine.answer(
        ASKED,
        sampling=Sampling(seed=seed),
        max_tokens=MOST_TOKENS,
        cancel=Cancel(),
        thinking=False,
        grammar=form.grammar,
    ):
        if isinstance(event, FinalDelta):
            text += event.text
        elif isinstance(event, Finished):
            finished = event.reason is FinishReason.STOP
    return text, finished


def main() -> None:
    suite = Path(sys.argv[1])
    samples = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with tempfile.TemporaryDirectory() as folder:
        opened = open_model(write_random_model(Path(folder) / "random.gguf", layers=2))
        options = LlamaOptions(
            paths=opened.file.parts,
            context_window=1024,
            largest_window=1024,
            vocabulary_size=opened.file.vocabulary_size,
            threads=1,
        )
        vocabulary = Vocabulary(opened.tokens, opened.token_types)
        engine = LocalEngine(LlamaTokenGenerator(options), vocabulary)
        _prove(engine, schemas_of(suite), samples)
        engine.close()


def _prove(engine: LocalEngine, schemas: dict[str, tuple[str, Any]], samples: int) -> None:
    counts: collections.Counter[str] = collections.Counter()
    refusals: collections.Counter[str] = collections.Counter()
    slowest = 0.0
    for draft, schema in schemas.values():
        started = time.perf_counter()
        try:
            form = schema_form(json.dumps(schema))
        except UnmetFormError as error:
            counts["schemas refused"] += 1
            refusals[str(error)] += 1
            continue
        finally:
            slowest = max(slowest, time.perf_counter() - started)
        counts["schemas enforced"] += 1
        cls = DRAFTS[draft][1]
        as_it_comes = cls(schema, format_checker=cls.FORMAT_CHECKER)
        for seed in range(samples):
            text, finished = sample(engine, form, seed)
            if not finished:
                counts["answers cut off"] += 1
                continue
            try:
                value = form.read(text)
            except UnmetFormError as error:
                counts["answers invalid"] += 1
                print("INVALID", json.dumps(schema)[:300], text[:200], error)
                continue
            counts["answers valid"] += 1
            try:
                agrees = as_it_comes.is_valid(value)
            except re.error:  # a pattern of ECMA-262 that Python does not read
                counts["answers jsonschema as it comes cannot judge"] += 1
                continue
            if not agrees:
                counts["answers invalid to jsonschema as it comes"] += 1
                print("OTHERWISE", json.dumps(schema)[:300], text[:200])
    for name, count in counts.items():
        print(f"{count:7,} {name}")
    print(f"slowest check of a schema: {slowest:.3f} s")
    for reason, count in refusals.most_common():
        print(f"{count:4} {reason}")


if __name__ == "__main__":
    main()
