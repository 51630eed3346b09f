"""``gptoss bench``: how fast the model is here, in the rows of llama-bench and in waiting."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gptoss_cli.cli import options
from gptoss_cli.cli.output import Json, emit_json, print_list
from gptoss_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gptoss_cli.cli.wiring import Running
    from gptoss_cli.diagnostics.bench import Bench
    from gptoss_cli.diagnostics.results import Plan, Result, Results

# In all a quick bench takes five seconds: Python starts before, memory is given back after.
_QUICK_S: Final = 4.2
_ENDLESS_S: Final = float("inf")
_SHOWN_LAST: Final = ("load", "host cost", "pp", "tg", "next turn", "one-shot")
_WORDS: Final = {
    "load": "load",
    "host cost": "host cost per token",
    "next turn": "first token, next turn",
    "one-shot": "first token, gptoss run",
}
# What a one-shot is given of what this command was.
_PASSED: Final = (
    *("effort", "system", "temperature", "top_p", "top_k", "min_p", "seed", "context", "threads"),
    *("repack", "force", "date", "profile"),
)


@options.takes_settings
def bench(
    settings: options.Settings,
    prompt: Annotated[
        int, typer.Option("-p", "--n-prompt", metavar="N", min=0, help="Tokens to read; 0: none.")
    ] = 512,
    generate: Annotated[
        int, typer.Option("-n", "--n-gen", metavar="N", min=0, help="Tokens to write; 0: none.")
    ] = 128,
    depth: Annotated[
        int, typer.Option("-d", "--n-depth", metavar="N", min=0, help="Tokens before these.")
    ] = 0,
    repetitions: Annotated[
        int, typer.Option("-r", "--repetitions", metavar="N", min=1, help="How often each is done.")
    ] = 5,
    quick: Annotated[
        bool, typer.Option("--quick", help="Five seconds in all: what does not fit is left out.")
    ] = False,
    json: Json = False,
) -> options.Task:
    """Measure how fast the model is here, and how long the first token is waited for."""
    from gptoss_cli.diagnostics.results import Plan

    plan = Plan(
        prompt_tokens=prompt,
        generated_tokens=generate,
        depth_tokens=depth,
        repetitions=repetitions,
        is_quick=quick,
    )
    return lambda: _measure(settings, plan, json=json)


def _measure(settings: options.Settings, plan: Plan, *, json: bool) -> int:
    from gptoss_cli.chat.interrupt import Halted, Interruption
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.diagnostics.bench import Bench
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.ui.measuring import MeasuringRow
    from gptoss_cli.ui.say import say

    cancel, limit_s = Cancel(), _QUICK_S if plan.is_quick else None
    until_s = time.monotonic() + (limit_s or _ENDLESS_S)
    facts: dict[str, Any] = {}
    with (
        Interruption(limit_s) as interruption,
        MeasuringRow(environment()) as row,
        interruption.stopping(cancel),
    ):

        def show(name: str, repetition: int, count: int, fraction: float) -> None:
            row.show(_words(name), repetition, count, fraction)

        measuring = Bench(plan, cancel, show, until_s=until_s)
        # A second Ctrl-C; what is done is shown all the same.
        with contextlib.suppress(Halted):
            interruption.begin_limit()
            _run(settings, plan, measuring, facts)
        interruption.end_limit()
    if json:
        emit_json(facts | _results_as_json(measuring.results, plan, complete=not cancel.is_set()))
    else:
        if facts:
            say(_summary(facts))
        _print(measuring.results)
        if measuring.results.left_out and (cancel.is_set() or plan.is_quick):
            names = ", ".join(_words(name) for name in measuring.results.left_out)
            say(f"{'--quick' if plan.is_quick else 'stopped'}: left out {names}.")
    if cancel.is_set() and not interruption.timed_out:
        return ExitCode.INTERRUPTED
    return ExitCode.OK


def _run(settings: options.Settings, plan: Plan, measuring: Bench, facts: dict[str, Any]) -> None:
    """Measure; `facts` are filled as soon as they are known. Raises what ``start`` does."""
    from dataclasses import replace

    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.cli.wiring import DEFAULT_CONTEXT_TOKENS, start
    from gptoss_cli.engine.llama import LlamaTokenGenerator

    window = settings.context or DEFAULT_CONTEXT_TOKENS
    if plan.window_tokens > window:
        if settings.context is not None:
            raise UsageError(
                f"the tests need a context of {plan.window_tokens:,} tokens.",
                hint=f"--context {plan.window_tokens}, or smaller tests",
            )
        settings = replace(settings, context=plan.window_tokens)

    def one_shots() -> None:
        # Of its first part, which is all there is of small models.
        size_bytes = shelf().registry.resolve(settings.model).stat().st_size
        measuring.one_shots(_one_shot(settings), size_bytes)

    running = start(settings, lasting=True, before_loading=one_shots)
    with contextlib.closing(running):
        facts.update(_facts(running))
        assert isinstance(running.generator, LlamaTokenGenerator)
        chat = running.chat
        measuring.loaded(running.generator, chat.engine, chat.conversation, chat.settings.sampling)


def _one_shot(settings: options.Settings) -> list[str]:
    """Return the command of a person who asks once, with what this one was given."""
    command = [sys.executable, "-m", "gptoss_cli", "run", "--jsonl", "--no-save"]
    for name in _PASSED:
        if name in settings.given:
            value, spelling = getattr(settings, name), name.replace("_", "-")
            if isinstance(value, bool):
                command.append(f"--{spelling}" if value else f"--no-{spelling}")
            else:
                command.append(f"--{spelling}={value}")
    if settings.model is not None:
        command.append(f"--model={settings.model}")
    return [*command, "--max-tokens=1", "--", "Hello world"]


def _facts(running: Running) -> dict[str, Any]:
    """Return what the figures hold for: the model, the machine, and how one runs on the other."""
    import os

    from gptoss_cli.engine.bindings import versions
    from gptoss_cli.machine import memory, processor, usable_cores

    placement = running.placement
    return {
        "model": running.chat.settings.model,
        "weights_bytes": running.model.total_bytes,
        "machine": {
            "processor": processor(),
            "cores": usable_cores(),
            "memory_bytes": memory().total,
            "system": os.uname().sysname if hasattr(os, "uname") else os.name,
        },
        "device": placement.device,
        "threads": placement.threads,
        "gpu_layers": placement.gpu_layers,
        "cpu_expert_layers": placement.cpu_expert_layers,
        "repack": placement.repack,
        "context_window": running.chat.engine.window_for(0),
        **versions(),
    }


def _summary(facts: dict[str, Any]) -> str:
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.status import size

    machine = facts["machine"]
    threads = f"{facts['threads']} thread{'s' if facts['threads'] > 1 else ''}"
    parts = [
        f"{facts['model']} ({size(facts['weights_bytes'])})",
        f"{facts['device']}, {threads}{', repacked' if facts['repack'] else ''}",
        f"llama.cpp {facts['llama_cpp']}",
        f"{machine['processor']}, {machine['cores']} cores, {size(machine['memory_bytes'])}",
    ]
    return sanitize_line("; ".join(parts))


def _words(name: str) -> str:
    return _WORDS.get(name, name)


def _in_order(results: Results) -> list[Result]:
    """Return the results, what a person waits for last."""

    def place(result: Result) -> int:
        return next(i for i, name in enumerate(_SHOWN_LAST) if result.name.startswith(name))

    return sorted(results.done, key=place)


def _print(results: Results) -> None:
    from gptoss_cli.ui.listing import Column

    columns = (
        Column("test"),
        Column("mean", right=True),
        Column("±", right=True),
        Column("unit", rank=1),
    )
    rows, plain = [], []
    for result in _in_order(results):
        spread = _number(result.deviation, result.mean) if len(result.samples) > 1 else ""
        rows.append((_words(result.name), _number(result.mean, result.mean), spread, result.unit))
        plain.append((result.name, f"{result.mean:.6g}", f"{result.deviation:.6g}", result.unit))
    print_list(columns, rows, plain, if_empty="nothing was measured.")


def _number(value: float, mean: float) -> str:
    """Return `value` with as many digits as `mean` deserves: those below it need no more."""
    digits = 1 if mean >= 100 else 2 if mean >= 1 else 3
    return f"{value:,.{digits}f}"


def _results_as_json(results: Results, plan: Plan, *, complete: bool) -> dict[str, Any]:
    return {
        "quick": plan.is_quick,
        "complete": complete,
        "results": [
            {
                "name": result.name,
                "unit": result.unit,
                "mean": result.mean,
                "sd": result.deviation,
                "samples": list(result.samples),
            }
            for result in _in_order(results)
        ],
        "left_out": results.left_out,
    }
