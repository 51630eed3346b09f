"""``gptoss chat``: a conversation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gptoss_cli.cli import options
from gptoss_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gptoss_cli.cli.wiring import Settings


def chat(
    model: options.Model = None,
    effort: options.Effort = "medium",
    system: options.System = "",
    temperature: options.Temperature = 1.0,
    top_p: options.TopP = 1.0,
    top_k: options.TopK = 0,
    min_p: options.MinP = 0.0,
    seed: options.Seed = None,
    max_tokens: options.MaxTokens = None,
    context_window: options.Context = None,
    threads: options.Threads = None,
    repack: options.Repack = None,
    show_thinking: options.ShowThinking = None,
    stats: options.Stats = False,
    date: options.Date = None,
) -> int:
    """Talk with the model. Ctrl-C stops an answer and keeps it, Ctrl-D leaves."""
    from gptoss_cli.cli.wiring import Settings

    return converse(
        Settings(
            model=model,
            effort=effort,
            system=system,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            min_p=min_p,
            seed=seed,
            max_tokens=max_tokens,
            context=context_window,
            threads=threads,
            repack=repack,
            show_thinking=show_thinking,
            stats=stats,
            date=date,
        )
    )


def converse(settings: Settings) -> int:
    """Hold a conversation at the terminal until the person leaves; return the exit code."""
    from gptoss_cli.cli.wiring import environment, renderer, start
    from gptoss_cli.config.paths import make_private_folder, user_paths
    from gptoss_cli.repl.loop import Repl

    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise UsageError(
            "a chat needs a terminal on standard input and output.",
            hint="for pipes: gptoss run",
        )
    screen = environment()
    paths = user_paths()
    running = start(settings, lasting=True)
    for note in running.notes:
        print(note, file=sys.stderr)
    history = paths.input_history if make_private_folder(paths.state) else None
    try:
        Repl(
            chat=running.chat,
            make_renderer=lambda: renderer(settings, screen),
            heading=f"{running.model.name} · {settings.effort} · {running.description}",
            history=history,
        ).run()
    finally:
        running.close()
    return ExitCode.OK
