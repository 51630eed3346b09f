"""``gptoss chat``: a conversation."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace

from gptoss_cli.cli import options
from gptoss_cli.errors import ExitCode, UsageError


@options.takes_settings
def chat(settings: options.Settings) -> options.Task:
    """Talk with the model. Ctrl-C stops an answer and keeps it, Ctrl-D leaves."""
    return lambda: converse(settings)


def converse(settings: options.Settings) -> int:
    """Hold a conversation at the terminal until the person leaves; return the exit code."""
    from gptoss_cli.cli.offer import nothing_is_installed, offered_model
    from gptoss_cli.cli.prompt import is_at_a_terminal
    from gptoss_cli.cli.wiring import environment, renderer, start
    from gptoss_cli.config.paths import make_private_folder, user_paths
    from gptoss_cli.repl.loop import Repl
    from gptoss_cli.ui.say import say

    if not is_at_a_terminal() or not sys.stdout.isatty():
        raise UsageError(
            "a chat needs a terminal on standard input and output.",
            hint="for pipes: gptoss run",
        )
    if settings.model is None and sys.stderr.isatty() and nothing_is_installed():
        model = offered_model()
        if model is None:
            return ExitCode.OK
        settings = replace(settings, model=model)
    screen = environment()
    paths = user_paths()
    history = paths.input_history if make_private_folder(paths.state) else None
    with contextlib.closing(start(settings, lasting=True)) as running:
        for note in running.notes:
            say(note)
        Repl(
            chat=running.chat,
            make_renderer=lambda: renderer(settings, screen),
            heading=f"{running.model.name} · {settings.effort} · {running.description}",
            history=history,
        ).run()
    return ExitCode.OK
