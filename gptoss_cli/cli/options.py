"""The options that ``run`` and ``chat`` share, with their checks, and the settings they make."""

from __future__ import annotations

import datetime as dt
import difflib
import inspect
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from gptoss_cli.cli.models.completion import names_to_run
from gptoss_cli.messages import ReasoningEffort

Task = Callable[[], int]
"""What a command does once its options are understood; returns the exit code."""


def _effort(value: str) -> str:
    efforts = [effort.value for effort in ReasoningEffort]
    if value.lower() in efforts:
        return value.lower()
    near = difflib.get_close_matches(value.lower(), efforts, n=1, cutoff=0.3)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise typer.BadParameter(f"it takes low, medium or high, not {value!r}.{meant}")


def _date(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        example = dt.date(2026, 11, 21).isoformat()
        raise typer.BadParameter(f"it takes a day like {example}, not {value!r}.") from None


def _number(value: float) -> float:
    if math.isnan(value):
        raise typer.BadParameter("it takes a number, not 'nan'.")
    return value


def _real(most: float, help_text: str) -> Any:
    """Return an option that takes a number from 0 to `most`."""
    return typer.Option(callback=_number, metavar="N", min=0.0, max=most, help=help_text)


def _threads(value: int | None) -> int | None:
    most = os.cpu_count()
    if value is not None and most is not None and value > most:
        raise typer.BadParameter(f"this machine has {most}; more would wait for each other.")
    return value


Model = Annotated[
    str | None,
    typer.Option(
        "-m",
        "--model",
        metavar="MODEL",
        help="20b, another name of gptoss models ls, demo, or the path of a GGUF file.",
        autocompletion=names_to_run,
    ),
]
Effort = Annotated[
    str,
    typer.Option(
        "-e", "--effort", callback=_effort, metavar="low|medium|high", help="How long it thinks."
    ),
]
System = Annotated[
    str, typer.Option("--system", metavar="TEXT", help="Instructions for the whole conversation.")
]
Temperature = Annotated[float, _real(10.0, "0 takes the most likely token always.")]
TopP = Annotated[float, _real(1.0, "Keep the likeliest tokens up to it.")]
TopK = Annotated[
    int, typer.Option(metavar="N", min=0, help="Keep that many likeliest tokens; 0 keeps all.")
]
MinP = Annotated[float, _real(1.0, "Drop tokens less likely than this share.")]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Makes a run repeatable; without it each run differs."),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Most tokens of thinking and answer together."),
]
Context = Annotated[
    int | None,
    typer.Option(
        "--context",
        metavar="N",
        min=1,
        help="Context window in tokens (8192, or what a prompt needs).",
    ),
]
Threads = Annotated[
    int | None, typer.Option(callback=_threads, metavar="N", min=1, help="CPU threads.")
]
Repack = Annotated[
    bool,
    typer.Option(
        "--repack",
        help="Convert the weights for this CPU while loading: slow to load, a little faster after.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Load it even if it does not fit in memory.")]
ShowThinking = Annotated[
    bool | None,
    typer.Option("--show-thinking/--hide-thinking", help="On standard error, above the answer."),
]
Stats = Annotated[bool, typer.Option("--stats", help="Print counts and times at the end.")]
Date = Annotated[
    str | None,
    typer.Option(
        callback=_date, metavar="YYYY-MM-DD", help="The day the model is told; today by default."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``run`` and ``chat`` were asked for, an option each; None means: choose."""

    model: Model = None
    effort: Effort = "medium"
    system: System = ""
    temperature: Temperature = 1.0
    top_p: TopP = 1.0
    top_k: TopK = 0
    min_p: MinP = 0.0
    seed: Seed = None
    max_tokens: MaxTokens = None
    context: Context = None
    threads: Threads = None
    repack: Repack = False
    force: Force = False
    show_thinking: ShowThinking = None
    stats: Stats = False
    date: Date = None


def takes_settings(command: Callable[..., Task]) -> Callable[..., Task]:
    """Give `command` the options of ``Settings`` and pass them as its argument ``settings``.

    Typer reads a command's signature: this one is put together from both.
    """
    shared = inspect.signature(Settings, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters

    def with_options(**values: Any) -> Task:
        settings = Settings(**{name: values.pop(name) for name in shared})
        return command(settings=settings, **values)

    parameters = [p for p in own.values() if p.name != "settings"] + list(shared.values())
    keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    with_options.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in keyword_only}
    with_options.__name__ = command.__name__
    with_options.__doc__ = command.__doc__
    return with_options
