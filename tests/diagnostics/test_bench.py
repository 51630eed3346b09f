"""What is kept of measurements, and what shrinks where time is short."""

from __future__ import annotations

import sys

import pytest

from gptoss_cli.diagnostics.bench import _fitting
from gptoss_cli.diagnostics.one_shot import first_token_s
from gptoss_cli.diagnostics.results import Plan, Result, Results
from gptoss_cli.engine.base import Cancel
from gptoss_cli.errors import EngineError


def test_mean_and_deviation_are_llama_benchs():
    result = Result("tg128", "tokens/s", (9.0, 10.0, 11.0))
    assert (result.mean, result.deviation) == (10.0, 1.0)  # divided by n - 1
    assert Result("load", "s", (2.0,)).deviation == 0.0


def test_names_are_llama_benchs():
    assert Plan().reading(512) == "pp512"
    assert Plan(depth_tokens=4096).writing(128) == "tg128 @ d4096"


def test_a_test_without_a_sample_is_left_out():
    results = Results()
    results.add("pp512", "tokens/s", [])
    assert (results.done, results.left_out) == ([], ["pp512"])


@pytest.mark.parametrize(
    ("most", "fits"), [(1000.0, 512), (512.0, 512), (511.9, 256), (3.0, 2), (0.2, 1), (-5.0, 1)]
)
def test_what_does_not_fit_shrinks_to_a_power_of_two(most, fits):
    assert _fitting(512, most) == fits


def test_a_process_that_ends_without_a_token_is_an_error():
    with pytest.raises(EngineError, match="no first token"):
        first_token_s([sys.executable, "-c", "print('{}')"], Cancel())


def test_a_process_that_says_something_else_is_an_error():
    with pytest.raises(EngineError, match="no first token"):
        first_token_s([sys.executable, "-c", "print('hello')"], Cancel())
