"""The token loop on real llama.cpp: what it yields, when it stops, what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gptoss_cli.engine import bindings, llama
from gptoss_cli.engine.base import Cancel, Generated, GenerationStep, Sampling
from gptoss_cli.engine.context import LlamaContext, LlamaOptions
from gptoss_cli.engine.llama import LlamaTokenGenerator, _patiently
from gptoss_cli.engine.worker import Stream
from gptoss_cli.errors import DoesNotFitError, ModelFileError
from gptoss_cli.events import FinishReason, PromptProgress
from tests.support.engines import options_for

GREEDY = Sampling(temperature=0.0)


def make(path: Path, **changes: object) -> LlamaTokenGenerator:
    options = {
        "paths": (path,),
        "context_window": 2048,
        "largest_window": 0,
        "vocabulary_size": 266,
        "threads": 1,
    } | changes
    return LlamaTokenGenerator(LlamaOptions(**options))


@pytest.fixture
def generator(random_model: Path) -> Iterator[LlamaTokenGenerator]:
    generator = make(random_model)
    yield generator
    generator.close()


def run(
    generator: LlamaTokenGenerator,
    prompt: list[int],
    *,
    max_tokens: int | None = 20,
    stop: frozenset[int] = frozenset(),
    sampling: Sampling = GREEDY,
    cancel: Cancel | None = None,
) -> tuple[list[int], Generated]:
    steps = list(
        generator.generate(
            prompt, sampling=sampling, stop=stop, max_tokens=max_tokens, cancel=cancel or Cancel()
        )
    )
    assert isinstance(steps[-1], Generated)
    return [step for step in steps if isinstance(step, int)], steps[-1]


def test_the_same_prompt_gives_the_same_tokens_and_comes_from_the_cache(generator):
    first, end = run(generator, [1, 2, 3, 4])
    again, cached = run(generator, [1, 2, 3, 4])
    assert first == again
    assert len(first) == 20
    assert end.reason is FinishReason.LENGTH
    assert (end.prompt_tokens, end.cached_tokens, cached.cached_tokens) == (4, 0, 3)


def test_a_seed_repeats_a_sampled_run(generator):
    first, _ = run(generator, [9] * 50, sampling=Sampling(seed=3))
    again, _ = run(generator, [9] * 50, sampling=Sampling(seed=3))
    other, _ = run(generator, [9] * 50, sampling=Sampling(seed=4))
    assert first == again != other


def test_a_stop_token_is_yielded_and_ends(generator):
    tokens, _ = run(generator, [1, 2, 3])
    stopped, end = run(generator, [1, 2, 3], stop=frozenset([tokens[5]]))
    assert stopped == tokens[: tokens.index(tokens[5]) + 1]
    assert end.reason is FinishReason.STOP


def test_the_window_bounds_the_answer_exactly(generator):
    tokens, end = run(generator, [5] * 2000, max_tokens=None)
    assert len(tokens) == 48
    assert end.reason is FinishReason.LENGTH


def test_a_prompt_as_long_as_the_window_is_refused_with_both_numbers(generator):
    with pytest.raises(DoesNotFitError, match=r"2,048 tokens, the context window 2,048"):
        run(generator, [5] * 2048)
    run(generator, [5, 6])  # and the generator goes on


def test_the_window_grows_for_a_long_first_prompt_when_it_may(random_model):
    generator = make(random_model, context_window=512, largest_window=8192)
    _, end = run(generator, [5] * 1000, max_tokens=1)
    assert end.prompt_tokens == 1000
    assert generator.window_for(0) == 5120
    generator.close()


def test_prefill_reports_progress_per_batch(generator):
    steps = generator.generate(
        [7] * 1200, sampling=GREEDY, stop=frozenset(), max_tokens=1, cancel=Cancel()
    )
    done = [step.done_tokens for step in steps if isinstance(step, PromptProgress)]
    assert done == [*range(0, 1200, 128), 1200]


def test_a_prompt_whose_first_piece_takes_long_is_told_of_meanwhile(monkeypatch):
    monkeypatch.setattr(llama, "_PATIENCE_S", 0.15)
    stream: Stream[GenerationStep] = Stream()
    stream.put(PromptProgress(5, 1000, 0.0))
    told = _patiently(stream)
    assert next(told) == PromptProgress(5, 1000, 0.0)
    again = next(told)
    assert (again.done_tokens, again.total_tokens) == (5, 1000)
    assert again.elapsed_s >= 0.15
    stream.put(PromptProgress(133, 1000, 12.0))
    stream.put(7)
    stream.finish(None)
    assert list(told) == [PromptProgress(133, 1000, 12.0), 7]


def test_llama_cpp_computes_the_same_without_the_vocabulary(random_model, monkeypatch):
    def row() -> np.ndarray:
        context = LlamaContext(options_for(random_model, 512))
        context.load(lambda _: None, Cancel())
        context.open(512)
        context.decode([1, 2, 3, 4], logits=True)
        logits = context.logits().copy()
        context.close()
        return logits

    without = row()
    monkeypatch.setattr(bindings, "without_vocabulary", lambda *_: None)
    assert np.array_equal(row(), without)


def first_logits(generator: LlamaTokenGenerator, prompt: list[int]) -> np.ndarray:
    run(generator, prompt, max_tokens=1)
    return generator._context.logits().copy()


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1])
def test_cancel_during_a_long_prompt_is_quick_and_leaves_a_usable_context(random_model, delay_s):
    generator = make(random_model, context_window=4096)
    run(generator, [1], max_tokens=1)
    cancel = Cancel()
    timer = threading.Timer(delay_s, cancel.set)
    timer.start()
    _, end = run(generator, [8] * 4000, cancel=cancel, max_tokens=2)
    timer.join()
    assert end.reason is FinishReason.CANCELLED
    fresh = make(random_model, context_window=4096)
    going_on, another = [*[8] * 700, *range(50)], [*[9] * 700, *range(50)]
    # Where a prompt is cut into batches, and where in the cache it lies, changes the last bits, and
    # a model with random weights makes up to 0.3 of that. Stale cells make 3 (test_kv.py).
    assert np.abs(first_logits(generator, going_on) - first_logits(fresh, going_on)).max() < 1
    assert run(generator, another)[0] == run(fresh, another)[0]
    generator.close()
    fresh.close()


def test_cancel_while_answering_keeps_what_was_said(generator):
    cancel = Cancel()
    tokens = []
    for step in generator.generate(
        [1, 2], sampling=GREEDY, stop=frozenset(), max_tokens=None, cancel=cancel
    ):
        if isinstance(step, int):
            tokens.append(step)
            if len(tokens) == 10:
                cancel.set()
        elif isinstance(step, Generated):
            end = step
    assert end.reason is FinishReason.CANCELLED
    assert 10 <= len(tokens) < 200
    again, _ = run(generator, [1, 2], max_tokens=10)
    assert again == tokens[:10]


def test_leaving_the_iteration_stops_the_worker(generator):
    steps = generator.generate(
        [1, 2], sampling=GREEDY, stop=frozenset(), max_tokens=None, cancel=Cancel()
    )
    for step in steps:
        if isinstance(step, int):
            break
    steps.close()
    started = time.monotonic()
    run(generator, [3, 4], max_tokens=1)
    assert time.monotonic() - started < 5


def test_cancel_before_loading_ended_and_a_second_try(random_model):
    generator = make(random_model)
    cancel = Cancel()
    cancel.set()
    tokens, end = run(generator, [1, 2], cancel=cancel)
    assert (tokens, end.reason) == ([], FinishReason.CANCELLED)
    tokens, _ = run(generator, [1, 2], max_tokens=3)
    assert len(tokens) == 3
    generator.close()


def test_close_can_be_called_twice_and_right_after_the_start(random_model):
    generator = make(random_model)
    generator.close()
    generator.close()


def test_what_llama_cpp_says_is_in_the_error_and_not_on_the_terminal(tmp_path, capfd):
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    generator = make(path)
    with pytest.raises(ModelFileError, match="cannot load") as error:
        run(generator, [1])
    generator.close()
    assert "it gives no reason" not in str(error.value)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


WITHOUT_BINDINGS = """
import sys
sys.modules["llama_cpp"] = None
from gptoss_cli.engine.bindings import load_library
from gptoss_cli.errors import EngineError
try:
    load_library()
except EngineError as error:
    print(error, "|", error.hint)
"""


def test_missing_llama_cpp_python_says_what_installs_it():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BINDINGS], capture_output=True, text=True, check=True
    )
    assert "llama-cpp-python" in done.stdout
    assert "pip install" in done.stdout


def test_a_library_that_cannot_be_loaded_is_explained(tmp_path):
    package = tmp_path / "llama_cpp"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "llama_cpp.py").write_text("raise RuntimeError('libllama.so: undefined symbol: x')")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BINDINGS.replace('sys.modules["llama_cpp"] = None', "")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"},
    )
    assert "undefined symbol" in done.stdout


OVERRIDES = """
import ctypes, sys
from pathlib import Path
from gptoss_cli.engine import bindings
from gptoss_cli.engine.base import Cancel
from gptoss_cli.engine.context import LlamaContext, LlamaOptions
library = bindings.load_library()
said = library.llama_log_callback(lambda level, text, _: print(text.decode(), end=""))
library.llama_log_set(said, ctypes.c_void_p(0))
context = LlamaContext(LlamaOptions(paths=(Path(sys.argv[1]),), context_window=512,
    largest_window=0, vocabulary_size=266, threads=1, gpu_layers=3, cpu_expert_layers=1))
context.load(lambda _: None, Cancel())
context.close()
bindings.silence_for_exit()
"""


def test_llama_cpp_keeps_the_experts_of_the_first_layers_in_ram(random_model: Path) -> None:
    command = [sys.executable, "-c", OVERRIDES, str(random_model)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kept = {line.split()[1] for line in done.stdout.splitlines() if "overridden to CPU" in line}
    weights = {f"blk.0.ffn_{part}_exps.weight" for part in ("gate", "up", "down")}
    assert {name for name in kept if name.endswith(".weight")} == weights
