"""Where the model runs, without a GPU and with one."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from gptoss_cli.engine import bindings, placement
from gptoss_cli.engine.placement import Gpu, Placement, place
from gptoss_cli.machine import usable_cores

GB = 10**9


def choose(
    *,
    weights: int = 12 * GB,
    threads: int | None = None,
    repack: bool = False,
) -> Placement:
    return place(
        weights_bytes=weights,
        expert_bytes=10 * GB,
        working_bytes=GB // 2,
        layers=24,
        threads=threads,
        repack=repack,
    )


def test_one_thread_for_each_core_unless_asked_otherwise():
    assert choose().threads == usable_cores()
    assert choose(threads=7).threads == 7


def test_a_tiny_model_runs_on_one_thread():
    assert choose(weights=1 << 20).threads == 1


def test_nothing_is_repacked_unless_asked_for():
    assert not choose().repack
    assert choose(repack=True).repack


def test_what_was_decided_about_the_weights_is_told(monkeypatch):
    assert choose().weights.startswith("mapped, not repacked: ")
    assert choose(repack=True).weights.startswith("repacked, as --repack asks: ")
    monkeypatch.setattr(placement, "_gpus", lambda: [Gpu("GPU", 80 * GB)])
    assert choose(repack=True).weights.startswith("on the GPU, not repacked: ")


@pytest.mark.parametrize(
    ("free", "in_ram"),
    [
        (80.0, 0),
        (13.6, 0),  # 12 of weights, 0.5 of KV and buffers, 1.07 to spare
        (13.5, 1),
        (8.0, 14),
        (3.6, 24),
    ],
)
def test_a_gpu_holds_all_layers_but_the_experts_that_do_not_fit(monkeypatch, free, in_ram):
    monkeypatch.setattr(placement, "_gpus", lambda: [Gpu("GPU", int(free * GB))])
    chosen = choose(repack=True)
    assert (chosen.device, chosen.gpu_layers, chosen.cpu_expert_layers) == ("GPU", 25, in_ram)
    assert not chosen.repack


def test_a_gpu_without_room_for_attention_is_left_alone(monkeypatch):
    monkeypatch.setattr(placement, "_gpus", lambda: [Gpu("GPU", 3 * GB), Gpu("other", GB)])
    assert choose() == Placement("CPU", usable_cores())


def test_shared_memory_takes_the_whole_model_or_none(monkeypatch):
    monkeypatch.setattr(placement, "_gpus", lambda: [Gpu("Metal", 16 * GB, shares_memory=True)])
    assert (choose().gpu_layers, choose().shares_memory) == (25, True)
    monkeypatch.setattr(placement, "_gpus", lambda: [Gpu("Metal", 12 * GB, shares_memory=True)])
    assert choose() == Placement("CPU", usable_cores())


class FakeFunction:
    """A function of a C library, of which a result's type may be set."""

    def __init__(self, function):
        self.restype = None
        self.function = function

    def __call__(self, *arguments):
        return self.function(*arguments)


class FakeGgml:
    """The device functions of ggml for devices of given type and free bytes."""

    def __init__(self, devices):
        self.ggml_backend_dev_count = FakeFunction(lambda: len(devices))
        self.ggml_backend_dev_get = FakeFunction(lambda index: index.value + 1)
        self.ggml_backend_dev_type = FakeFunction(lambda device: devices[device.value - 1][0])
        self.ggml_backend_dev_description = FakeFunction(lambda device: b"card %d" % device.value)

        def memory(device, free, total):
            free._obj.value = devices[device.value - 1][1]

        self.ggml_backend_dev_memory = FakeFunction(memory)


@pytest.mark.parametrize(
    ("devices", "names"),
    [
        ([(0, 64 * GB)], []),
        ([(0, 64 * GB), (1, 8 * GB), (1, 24 * GB)], ["card 3", "card 2"]),
        ([(2, 20 * GB), (1, 8 * GB)], ["card 2"]),  # llama.cpp leaves the integrated one alone
        ([(2, 20 * GB)], ["card 1"]),
    ],
)
def test_the_gpus_that_llama_cpp_would_use(monkeypatch, devices, names):
    library = SimpleNamespace(_lib=FakeGgml(devices), llama_supports_gpu_offload=lambda: True)
    monkeypatch.setattr(bindings, "may_have_gpu", lambda: True)
    monkeypatch.setattr(bindings, "load_library", lambda: library)
    found = placement._gpus()
    assert [gpu.name for gpu in found] == names
    if names == ["card 1"]:
        assert found[0].shares_memory


def test_a_cpu_library_is_told_from_its_files():
    assert bindings.may_have_gpu() == bool(bindings.load_library().llama_supports_gpu_offload())


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        (["libggml.so.0", "libggml-base.so", "libggml-cpu.so.0.25.3", "libllama.so"], False),
        (["ggml.dll", "ggml-base.dll", "ggml-cpu-haswell.dll", "llama.dll"], False),
        (["libggml.dylib", "libggml-blas.dylib", "libggml-metal.dylib"], True),
        (["libggml.so", "libggml-cpu.so", "libggml-cuda.so"], True),
        (["libllama.so"], True),  # all in one: nobody knows
    ],
)
def test_the_libraries_of_ggml_that_mean_a_gpu(monkeypatch, tmp_path, names, answer):
    (tmp_path / "llama_cpp" / "lib").mkdir(parents=True)
    (tmp_path / "llama_cpp" / "__init__.py").touch()
    for name in names:
        (tmp_path / "llama_cpp" / "lib" / name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "llama_cpp", raising=False)
    assert bindings.may_have_gpu() is answer
