"""The goldens, and a vocabulary just large enough to check them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gptoss_cli.harmony.render import PromptEncoder
from gptoss_cli.harmony.vocabulary import Vocabulary
from tests.harmony.streams import byte_alphabet


@pytest.fixture(scope="session")
def goldens() -> dict[str, Any]:
    """What the reference made of `conversations.py`; see `make_goldens.py`."""
    packed = (Path(__file__).parent / "goldens.json.gz").read_bytes()
    made: dict[str, Any] = json.loads(gzip.decompress(packed))
    return made


@pytest.fixture(scope="session")
def vocabulary(goldens: dict[str, Any]) -> Vocabulary:
    """o200k with its true ids, but only the ranks that the goldens need; the rest is reserved."""
    tokens = [f"<|unused_{i}|>" for i in range(goldens["size"])]
    types = [3] * len(tokens)
    stand_ins = byte_alphabet()
    for piece, rank in goldens["ranks"].items():
        tokens[rank] = piece.translate(stand_ins)
        types[rank] = 1
    for name, token in goldens["control"].items():
        tokens[token] = name
    return Vocabulary(tokens, types)


@pytest.fixture(scope="session")
def encoder(vocabulary: Vocabulary) -> PromptEncoder:
    return PromptEncoder(vocabulary)
