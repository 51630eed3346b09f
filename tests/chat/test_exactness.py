"""What is kept of earlier turns and programs changes nothing that the model computes.

``TEST_CONVERSATIONS=100`` holds a hundred random conversations instead of a handful, in minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import numpy as np
import pytest

from gptoss_cli.engine.base import Cancel
from gptoss_cli.models.registry import DEMO_FILE
from tests.support.conversations import NotingContext, RandomConversation
from tests.support.engines import options_for

MANY = int(os.environ.get("TEST_CONVERSATIONS", "2"))
TURNS = 12
# In parts of the range of a row's logits (benchmarks/RESULTS.md). Rounding moves the rows of an
# answer by 0.25 to 0.5 % in the median, now and then one by ten times that, where the router of the
# experts is at a tie; a window with a missing part moves all of them by 0.8 to 40 %.
ROUNDING = 0.0075


class SmallPieces(NotingContext):
    """llama.cpp's attention on a CPU sums in one way below 64 tokens a batch, in another from there
    on. Below, with this model, no cut of the batches is seen in any bit: whatever is, is our doing.
    """

    piece = 32


class SmallWindow(NotingContext):
    """The windowed layers keep little more than their window, as they do in a long conversation:
    to go back, checkpoints are needed, and cells that lie elsewhere are summed in another order.
    """

    def open(self, n_ctx: int, *, sequences: int = 1) -> None:
        with mock.patch("gptoss_cli.engine.context.UBATCH_TOKENS", self.piece):
            super().open(n_ctx, sequences=sequences)


def emptied(kind: type[NotingContext]) -> NotingContext:
    context = kind(options_for(DEMO_FILE, 4096))
    context.load(lambda _fraction: None, Cancel())
    context.open(4096)
    return context


@pytest.fixture(params=[NotingContext, SmallPieces, SmallWindow], ids=lambda kind: kind.__name__)
def empty(request: pytest.FixtureRequest) -> Iterator[NotingContext]:
    context = emptied(request.param)
    yield context
    context.close()


@pytest.mark.parametrize("seed", range(MANY))
def test_random_conversations_are_what_they_would_be_from_an_empty_cache(tmp_path, seed, empty):
    """The same greedy tokens, up to 200 an answer, but where llama.cpp itself writes another one as
    soon as batches are cut otherwise; with small pieces all logits to the bit.
    """
    conversation = RandomConversation(seed, tmp_path, type(empty))
    for tokens, n_prompt, rows in conversation.answers(TURNS):
        expected = empty.fresh(tokens, n_prompt)
        if isinstance(empty, SmallPieces):
            assert np.array_equal(rows, expected)
        moved = np.median(np.abs(rows - expected).max(1) / np.ptp(expected, axis=1))
        assert moved < ROUNDING
        lead = behind(rows, expected)
        if lead.max() >= ROUNDING:
            other = emptied(SmallPieces)
            lead = np.minimum(lead, behind(rows, other.fresh(tokens, n_prompt)))
            other.close()
        assert lead.max() < ROUNDING
    conversation.close()
    assert conversation.cached_tokens > 0


def behind(rows: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return how far the likeliest tokens of `rows` are behind the likeliest of `expected`."""
    ours = expected[np.arange(len(rows)), rows.argmax(1)]
    return (expected.max(1) - ours) / np.ptp(expected, axis=1)
