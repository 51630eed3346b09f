"""Whether a model fits is told before it is loaded, and what would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gptoss_cli.errors import DoesNotFitError
from gptoss_cli.machine import Memory
from gptoss_cli.models.preflight import Preflight, Verdict
from tests.support.shapes import MODEL_20B, MODEL_120B, SHAPE_20B

GB = 10**9


def of_20b(total_gb, available_gb, window=8192, **options):
    machine = Memory(int(total_gb * GB), int(available_gb * GB))
    return Preflight(MODEL_20B, window, machine, **options)


def refusal(preflight):
    with pytest.raises(DoesNotFitError) as error:
        preflight.require()
    return error.value


@pytest.mark.parametrize(
    ("total_gb", "available_gb", "verdict"),
    [
        (24, 20, Verdict.FITS),
        (16, 14, Verdict.FITS),
        (16, 9, Verdict.SLOW),
        (12, 11, Verdict.DOES_NOT_FIT),
        (16, 0.3, Verdict.DOES_NOT_FIT),
    ],
)
def test_the_20b_on_machines_with_a_cpu_only(total_gb, available_gb, verdict):
    assert of_20b(total_gb, available_gb).verdict is verdict


def test_what_a_gpu_holds_the_host_need_not():
    small = Memory(8 * GB, 6 * GB)
    assert Preflight(MODEL_120B, 8192, small).verdict is Verdict.DOES_NOT_FIT
    assert Preflight(MODEL_120B, 8192, small, gpu_free_bytes=80 * GB).verdict is Verdict.FITS


@pytest.mark.parametrize(
    ("total_gb", "available_gb", "layers", "verdict"),
    [
        (16, 14, 24, Verdict.EXPERTS_IN_RAM),
        (8, 6, 12, Verdict.EXPERTS_IN_RAM),
        (16, 9, 24, Verdict.SLOW),
        (8, 6, 24, Verdict.DOES_NOT_FIT),
    ],
)
def test_experts_beside_a_gpu_must_fit_the_host(total_gb, available_gb, layers, verdict):
    found = of_20b(total_gb, available_gb, gpu_free_bytes=8 * GB, cpu_expert_layers=layers)
    assert found.verdict is verdict


def test_memory_that_a_gpu_shares_is_the_hosts():
    shared = {"gpu_free_bytes": 12 * GB, "shares_memory": True}
    assert of_20b(24, 20, **shared).verdict is Verdict.FITS
    assert of_20b(16, 9, **shared).verdict is Verdict.SLOW
    assert of_20b(8, 7, **shared).verdict is Verdict.DOES_NOT_FIT


def test_what_fits_is_let_through():
    of_20b(16, 14).require()
    of_20b(16, 9).require()  # slow, but it goes


def test_too_large_for_the_machine_names_the_smaller_model():
    error = refusal(of_20b(8, 7))
    assert "needs 12.7 GB of memory; this machine has 8.0 GB" in str(error)
    assert error.hint == "a machine with 16 GB, or --force and much patience"
    large = refusal(Preflight(MODEL_120B, 8192, Memory(32 * GB, 30 * GB)))
    assert large.hint.startswith("-m 20b")


def test_repacking_needs_private_memory_for_the_experts():
    assert refusal(of_20b(24, 9, repack=True)).hint == "the same without --repack"


def test_a_context_too_large_is_refused_with_one_that_fits():
    large = replace(MODEL_20B, shape=replace(SHAPE_20B, context_length=1 << 22))
    preflight = Preflight(large, 1 << 22, Memory(24 * GB, 20 * GB))
    error = refusal(preflight)
    assert "a context of 4,194,304 tokens" in str(error)
    window = int(error.hint.rpartition(" ")[2])
    replace(preflight, context_window=window).require()


def test_a_machine_without_memory_is_told_so():
    assert "close other programs" in refusal(of_20b(16, 0.01)).hint
