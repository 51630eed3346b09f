"""``gptoss chat``: a conversation."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gptoss_cli.cli import conversation, options
from gptoss_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gptoss_cli.repl.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How a conversation is held: which one to go on with, if any, and whether it is kept.

    ``given`` are the options that were named on the command line.
    """

    session: str | None = None
    saves: bool = True
    plain: bool = False
    given: frozenset[str] = frozenset()


@options.takes_settings
def chat(
    settings: options.Settings,
    ctx: typer.Context,
    continues: conversation.Continues = False,
    session: conversation.Session = None,
    save: Annotated[
        bool, typer.Option("--save/--no-save", help="Keep the conversation, or leave no trace.")
    ] = True,
    plain: Annotated[
        bool, typer.Option("--plain", help="Nothing that moves: for screen readers.")
    ] = False,
) -> options.Task:
    """Talk with the model. Esc stops an answer and keeps it, Ctrl-D leaves."""
    named = conversation.session_named(continues=continues, session=session)
    if named is not None and not save:
        raise UsageError("--no-save keeps nothing, also of a conversation that goes on.")
    given = conversation.given_options(ctx)
    held = Held(session=named, saves=save, plain=plain, given=given)
    return lambda: converse(settings, held)


def converse(settings: options.Settings, held: Held = Held()) -> int:
    """Hold a conversation at the terminal until the person leaves; return the exit code."""
    from gptoss_cli.chat.keeping import Keeper
    from gptoss_cli.cli.offer import nothing_is_installed, offered_model
    from gptoss_cli.cli.standard_input import is_at_a_terminal
    from gptoss_cli.cli.wiring import environment, start
    from gptoss_cli.models.registry import DEMO_FILE
    from gptoss_cli.repl.loop import hold
    from gptoss_cli.ui.foreground import Foreground, terminal_kept
    from gptoss_cli.ui.say import say

    if not is_at_a_terminal() or not sys.stdout.isatty():
        raise UsageError(
            "a chat needs a terminal on standard input and output.",
            hint="for pipes: gptoss run",
        )
    with contextlib.ExitStack() as open_things:
        store = conversation.store_to_keep(open_things, saves=held.saves, session=held.session)
        resumed = conversation.resumed_session(store, held.session)
        settings = conversation.with_model_of(settings, resumed)
        if settings.model is None and sys.stderr.isatty() and nothing_is_installed():
            model = offered_model()
            if model is None:
                return ExitCode.OK
            settings = replace(settings, model=model)
        screen = environment(live=not held.plain)
        # From here on Enter comes as it is typed, also before the input is there to take it.
        open_things.enter_context(terminal_kept(sys.stdin))
        foreground = Foreground(screen.terminal if screen.live else None)
        open_things.enter_context(foreground)
        typed = foreground.typed(sys.stdin)
        running = open_things.enter_context(contextlib.closing(start(settings, lasting=True)))
        for note in running.notes:
            say(note)
        running.chat.keeper = Keeper(store)
        hold(
            running.chat,
            screen,
            _services(settings, titles=running.model.path != DEMO_FILE),
            heading=f"{running.model.name} · {settings.effort} · {running.description}",
            show_thinking=settings.show_thinking,
            stats=settings.stats,
            theme=_theme(),
            history=_history() if held.saves else None,
            resumed=resumed,
            given=held.given,
            typed=typed,
        )
    return ExitCode.OK


def _services(settings: options.Settings, *, titles: bool) -> Services:
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.cli.wiring import start
    from gptoss_cli.config.paths import make_private_folder, user_paths
    from gptoss_cli.repl.services import Services, Started

    def begin(name: str, before_loading: Callable[[], None]) -> Started:
        running = start(replace(settings, model=name), lasting=True, before_loading=before_loading)
        return Started(
            running.chat.engine,
            running.chat.settings.model,
            running.model.shape.context_length,
            running.description,
            running.notes,
        )

    def remember_theme(name: str) -> None:
        paths = user_paths()
        if make_private_folder(paths.state):
            with contextlib.suppress(OSError):
                paths.theme.write_text(f"{name}\n", encoding="utf-8")

    def forget_typed(texts: Sequence[str], conversation_ids: Sequence[str]) -> None:
        from gptoss_cli.repl.history import forget

        forget(user_paths().input_history, set(texts), conversation_ids)

    return Services(
        forget_typed=forget_typed,
        start=begin,
        models=lambda: [*(entry.name for entry in shelf().registry.installed()), "demo"],
        remember_theme=remember_theme,
        folder=_folder(),
        is_remote=bool(os.environ.get("SSH_CONNECTION")),
        editor=os.environ.get("VISUAL") or os.environ.get("EDITOR") or "",
        titles=titles,  # the embedded model can only do sums
    )


def _folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return Path()


def _theme() -> str:
    """Return the name of the theme that was chosen last."""
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.ui.theme import THEMES

    try:
        name = user_paths().theme.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return "default"
    return name if name in THEMES else "default"


def _history() -> Path | None:
    from gptoss_cli.config.paths import make_private_folder, user_paths

    paths = user_paths()
    return paths.input_history if make_private_folder(paths.state) else None
