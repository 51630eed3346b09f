"""``gptoss chat``: a conversation."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gptoss_cli.cli import conversation, options
from gptoss_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gptoss_cli.repl.services import Services


@options.takes_settings_with("plain", "save", "idle_prefill")
def chat(
    settings: options.Settings,
    continues: conversation.Continues = False,
    session: conversation.Session = None,
) -> options.Task:
    """Talk with the model. Esc stops an answer and keeps it, Ctrl-D leaves."""
    named = conversation.session_named(continues=continues, session=session)
    if named is not None and not settings.save:
        if "save" in settings.given:
            raise UsageError("--no-save keeps nothing, also of a conversation that goes on.")
        settings = replace(settings, save=True)  # what was kept goes on to be
    return lambda: converse(settings, named)


def converse(settings: options.Settings, session: str | None = None) -> int:
    """Hold a conversation at the terminal until the person leaves; return the exit code.

    It goes on with the stored `session`, if one is named, and with that one's own settings: only
    what the command line says itself comes before them.
    """
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
        store = conversation.store_to_keep(open_things, saves=settings.save, session=session)
        resumed = conversation.resumed_session(store, session)
        settings = conversation.with_model_of(settings, resumed)
        if settings.model is None and sys.stderr.isatty() and nothing_is_installed():
            model = offered_model()
            if model is None:
                return ExitCode.OK
            settings = replace(settings, model=model)
        screen = environment(live=not settings.plain)
        # From here on Enter comes as it is typed, also before the input is there to take it.
        open_things.enter_context(terminal_kept(sys.stdin))
        foreground = Foreground(screen.terminal if screen.live else None)
        open_things.enter_context(foreground)
        typed = foreground.typed(sys.stdin)
        running = open_things.enter_context(
            contextlib.closing(start(settings, lasting=True, private=not settings.save))
        )
        for note in running.notes:
            say(note)
        if settings.stats:
            say(f"weights {running.placement.weights}")
        running.chat.keeper = Keeper(store)
        hold(
            running.chat,
            screen,
            _services(settings, titles=running.model.path != DEMO_FILE),
            weights=running.placement.weights,
            heading=f"{running.model.name} · {settings.effort} · {running.description}",
            show_thinking=settings.show_thinking,
            stats=settings.stats,
            theme=settings.theme,
            history=_history() if settings.save else None,
            resumed=resumed,
            given=settings.given,
            typed=typed,
        )
    for note in running.cache_notes:
        say(f"note: the cache: {note}.")
    return ExitCode.OK


def _services(settings: options.Settings, *, titles: bool) -> Services:
    from gptoss_cli.cli.cache.place import kept_states
    from gptoss_cli.cli.config.changing import keep
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.cli.wiring import start
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.machine import is_on_battery
    from gptoss_cli.repl.services import Services, Started

    def begin(name: str, before_loading: Callable[[], None]) -> Started:
        running = start(
            replace(settings, model=name),
            lasting=True,
            private=not settings.save,
            before_loading=before_loading,
        )
        return Started(
            running.chat.engine,
            running.chat.settings.model,
            running.model.shape.context_length,
            running.description,
            running.placement.weights,
            running.notes,
        )

    def forget_typed(texts: Sequence[str], conversation_ids: Sequence[str]) -> None:
        from gptoss_cli.repl.history import forget

        forget(user_paths().input_history, set(texts), conversation_ids)
        kept_states().remove_sessions(conversation_ids)

    return Services(
        forget_typed=forget_typed,
        start=begin,
        models=lambda: [*(entry.name for entry in shelf().registry.installed()), "demo"],
        remember_theme=lambda name: keep(("ui", "theme"), name),
        folder=_folder(),
        is_remote=bool(os.environ.get("SSH_CONNECTION")),
        editor=os.environ.get("VISUAL") or os.environ.get("EDITOR") or "",
        titles=titles,  # the embedded model can only do sums
        may_prefill=lambda: settings.idle_prefill and not is_on_battery(),
    )


def _folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was removed
        return Path()


def _history() -> Path | None:
    from gptoss_cli.config.paths import make_private_folder, user_paths

    paths = user_paths()
    return paths.input_history if make_private_folder(paths.state) else None
