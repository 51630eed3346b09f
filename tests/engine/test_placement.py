"""Where the model runs, on a machine without a GPU."""

from __future__ import annotations

import pytest

from gptoss_cli.engine.placement import Placement, place
from gptoss_cli.machine import usable_cores

GB = 10**9


def choose(
    *,
    weights: int = 12 * GB,
    available: int = 20 * GB,
    threads: int | None = None,
    repack: bool | None = None,
    lasting: bool = False,
) -> Placement:
    return place(
        weights_bytes=weights,
        expert_bytes=10 * GB,
        working_bytes=GB // 2,
        available_bytes=available,
        layers=24,
        threads=threads,
        repack=repack,
        lasting=lasting,
    )


def test_one_thread_for_each_core_unless_asked_otherwise():
    assert choose().threads == usable_cores()
    assert choose(threads=7).threads == 7


def test_a_tiny_model_runs_on_one_thread():
    assert choose(weights=1 << 20).threads == 1


@pytest.mark.parametrize(
    ("lasting", "available", "asked", "repacked"),
    [
        (False, 20 * GB, None, False),
        (True, 20 * GB, None, True),
        (True, 11 * GB, None, False),
        (False, 20 * GB, True, True),
        (True, 20 * GB, False, False),
    ],
)
def test_a_chat_repacks_where_memory_allows_and_a_one_shot_does_not(
    lasting, available, asked, repacked
):
    assert choose(lasting=lasting, available=available, repack=asked).repack is repacked
