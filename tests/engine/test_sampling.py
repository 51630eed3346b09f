"""The tokens drawn follow exactly the distribution that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from gptoss_cli.engine.base import Sampling
from gptoss_cli.engine.llama import _draw
from gptoss_cli.engine.sampling import Sampler, _top_k
from gptoss_cli.errors import EngineError

SIZE = 3000
DRAWS = 10_000
# A chi-squared statistic of k-1 degrees has mean k-1 and deviation sqrt(2(k-1)); five deviations
# are passed by a right sampler but once in a million.
DEVIATIONS = 5.0


def logits(seed: int = 0, spread: float = 3.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(SIZE) * spread).astype(np.float32)


def expected(values: np.ndarray, sampling: Sampling) -> np.ndarray:
    """The plain definition: filters on the unscaled distribution, then the temperature."""
    values = values.astype(np.float64)
    plain = np.exp(values - values.max())
    plain /= plain.sum()
    order = np.argsort(-plain, kind="stable")
    keep = np.zeros(len(values), dtype=bool)
    if sampling.top_k:
        order = order[: sampling.top_k]
    kept = plain[order] / plain[order].sum()
    reached = np.searchsorted(kept.cumsum(), sampling.top_p, side="left") + 1
    keep[order[: reached if sampling.top_p < 1 else len(order)]] = True
    keep &= plain >= sampling.min_p * plain.max()
    scaled = np.where(keep, np.exp((values - values.max()) / sampling.temperature), 0.0)
    return scaled / scaled.sum()


def chi_squared_deviations(counts: np.ndarray, probabilities: np.ndarray) -> float:
    """How many standard deviations the statistic lies above its mean; rare tokens are pooled."""
    wanted = probabilities * counts.sum()
    common = wanted >= 10
    observed = np.append(counts[common], counts[~common].sum())
    wanted = np.append(wanted[common], wanted[~common].sum())
    used = wanted > 0
    statistic = ((observed[used] - wanted[used]) ** 2 / wanted[used]).sum()
    degrees = used.sum() - 1
    return (statistic - degrees) / np.sqrt(2 * degrees)


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(seed=1),
        Sampling(temperature=0.7, seed=2),
        Sampling(temperature=1.8, seed=3),
        Sampling(top_k=40, seed=4),
        Sampling(top_k=300, temperature=0.5, seed=5),
        Sampling(top_p=0.9, seed=6),
        Sampling(top_p=0.999, temperature=1.3, seed=7),
        Sampling(min_p=0.05, seed=8),
        Sampling(top_k=50, top_p=0.8, min_p=0.02, temperature=0.9, seed=9),
    ],
    ids=str,
)
def test_draws_follow_the_distribution(sampling):
    values = logits()
    probabilities = expected(values, sampling)
    sampler = Sampler(sampling, SIZE)
    drawn = [sampler.draw(values) for _ in range(DRAWS)]
    counts = np.bincount(drawn, minlength=SIZE)
    assert counts[probabilities == 0].sum() == 0
    assert chi_squared_deviations(counts, probabilities) < DEVIATIONS


def test_the_check_itself_notices_a_wrong_temperature():
    values = logits()
    sampler = Sampler(Sampling(temperature=1.1, seed=1), SIZE)
    counts = np.bincount([sampler.draw(values) for _ in range(DRAWS)], minlength=SIZE)
    assert chi_squared_deviations(counts, expected(values, Sampling())) > DEVIATIONS


def test_a_seed_makes_draws_repeatable_and_none_does_not():
    values = logits()

    def some(seed: int | None) -> list[int]:
        sampler = Sampler(Sampling(seed=seed), SIZE)
        return [sampler.draw(values) for _ in range(20)]

    assert some(7) == some(7)
    assert some(7) != some(8)
    assert some(None) != some(None)


@pytest.mark.parametrize("sampling", [Sampling(temperature=0.0), Sampling(top_k=1)], ids=str)
def test_greedy_takes_the_most_likely(sampling):
    values = logits(3)
    assert Sampler(sampling, SIZE).draw(values) == int(values.argmax())


@pytest.mark.parametrize("size", [3, 1023, 1024, 1025, 2500])
@pytest.mark.parametrize("k", [2, 3, 40])
def test_top_k_keeps_the_largest_at_every_vocabulary_size(size, k):
    values = logits()[:size].copy()
    sampler = Sampler(Sampling(top_k=k, temperature=5.0, seed=1), size)
    drawn = {sampler.draw(values) for _ in range(2000)}
    assert drawn <= set(np.argsort(-values)[:k].tolist())


def test_one_certain_token_is_always_drawn_wherever_it_stands():
    for position in (0, 1023, 1024, SIZE - 1):
        values = np.full(SIZE, -1000.0, dtype=np.float32)
        values[position] = 0.0
        sampler = Sampler(Sampling(seed=position), SIZE)
        assert {sampler.draw(values) for _ in range(50)} == {position}


def test_the_logits_are_left_as_they_were():
    values = logits()
    before = values.copy()
    for sampling in (Sampling(seed=1), Sampling(top_p=0.5, seed=1), Sampling(top_k=5, seed=1)):
        Sampler(sampling, SIZE).draw(values)
    assert (values == before).all()


class Only:
    """A constraint that allows a fixed set of tokens."""

    is_over = False

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = mask

    def accept(self, token: int) -> bool:
        return bool(self.mask[token])

    def allowed(self) -> np.ndarray:
        return self.mask.copy()


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(seed=1),
        Sampling(temperature=0.6, seed=2),
        Sampling(top_k=300, temperature=0.8, seed=3),
        Sampling(top_p=0.95, seed=4),
        Sampling(min_p=0.01, seed=5),
        Sampling(top_k=400, top_p=0.9, min_p=0.005, temperature=1.2, seed=6),
    ],
    ids=str,
)
def test_under_a_constraint_draws_follow_what_is_left_of_the_distribution(sampling):
    values = logits(1)
    mask = np.random.default_rng(4).random(SIZE) < 0.3
    wanted = expected(values, sampling) * mask
    wanted /= wanted.sum()
    sampler = Sampler(sampling, SIZE)
    drawn = [_draw(sampler, values, Only(mask)) for _ in range(DRAWS)]
    counts = np.bincount(drawn, minlength=SIZE)
    assert counts[~mask].sum() == 0
    assert chi_squared_deviations(counts, wanted) < DEVIATIONS


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0.0),
        Sampling(top_k=3, seed=1),
        Sampling(top_p=0.01, seed=1),
        Sampling(min_p=0.9, seed=1),
    ],
    ids=str,
)
def test_filters_that_keep_nothing_allowed_leave_a_token_to_go_on_with(sampling):
    values = logits(2)
    mask = values < np.sort(values)[-500]
    best = int(np.where(mask, values, -np.inf).argmax())
    drawn = {_draw(Sampler(sampling, SIZE), values, Only(mask)) for _ in range(20)}
    assert all(mask[token] for token in drawn)
    if sampling.temperature == 0.0:
        assert drawn == {best}


@pytest.mark.parametrize("k", [1, 3, 40, 300, SIZE - 1])
@pytest.mark.parametrize("size", [SIZE, 2048, 130, 3])
def test_the_k_largest_are_found_whatever_the_shape(k, size):
    values = logits(seed=k)[:size].round(1)  # with ties
    if k >= size:
        return
    expected_ids = np.argsort(-values, kind="stable")[:k]
    assert _top_k(values, k).tolist() == expected_ids.tolist()


@pytest.mark.parametrize("digits", [0, 7])
@pytest.mark.parametrize("place", [0, 1500, SIZE - 1])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    "sampling", [Sampling(), Sampling(temperature=0.0), Sampling(top_k=40)], ids=str
)
def test_what_is_no_number_is_said_wherever_it_is(sampling, value, place, digits):
    values = logits().round(digits)  # to whole numbers: many are equal
    values[place] = value
    with pytest.raises(EngineError, match="no numbers"):
        Sampler(sampling, SIZE).draw(values)


def test_the_last_token_may_be_the_only_one_that_is_allowed():
    allowed = np.zeros(SIZE, dtype=np.bool_)
    allowed[-1] = True
    assert Sampler(Sampling(top_k=40, seed=1), SIZE).draw_among(logits(), allowed) == SIZE - 1


@pytest.mark.parametrize("size", [1024, 1000])
def test_of_equally_likely_tokens_each_that_is_kept_is_drawn_and_no_other(size):
    logits = np.random.default_rng(5).integers(0, 6, size).astype(np.float32)
    kept = np.argsort(-logits, kind="stable")[:40].tolist()
    assert logits[kept[0]] == logits[kept[-1]]
    sampler = Sampler(Sampling(top_k=40, seed=2), size)
    assert {sampler.draw(logits) for _ in range(1000)} == set(kept)
    mixed = logits.copy()
    mixed[kept[::2]] += 0.5
    sampler = Sampler(Sampling(top_k=30, seed=2), size)
    kept = np.argsort(-mixed, kind="stable")[:30].tolist()
    assert {sampler.draw(mixed) for _ in range(1000)} == set(kept)
