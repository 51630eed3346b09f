"""Which stored conversation a command goes on with, and whether what is said is kept."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from gptoss_cli.cli.sessions.completion import session_names
from gptoss_cli.errors import GptossError, SessionError, UsageError

if TYPE_CHECKING:
    from gptoss_cli.cli.options import Settings
    from gptoss_cli.sessions.records import SessionInfo
    from gptoss_cli.sessions.store import SessionStore

Continues = Annotated[
    bool, typer.Option("--continue", "-c", help="Go on with the last conversation.")
]
Session = Annotated[
    str | None,
    typer.Option(
        metavar="SESSION",
        help="Go on with this one: its title, or its id.",
        autocompletion=session_names,
    ),
]


def session_named(*, continues: bool, session: str | None) -> str | None:
    """Return the name of the session to go on with, if any. Raises UsageError for two."""
    if continues and session is not None:
        raise UsageError("--continue and --session name two conversations.", hint="one of them")
    return "last" if continues else session


def store_to_keep(
    open_things: contextlib.ExitStack, *, saves: bool, session: str | None
) -> SessionStore | None:
    """Return where the conversation is kept; None where it is not, which is told.

    Raises SessionError when `session` shall go on and the store cannot be used.
    """
    if not saves and session is None:
        return None
    from gptoss_cli.cli.sessions.keeping import store_path
    from gptoss_cli.sessions.store import open_store
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    try:
        store = open_things.enter_context(open_store(store_path()))
    except SessionError as error:
        if session is not None:
            raise
        say(f"note: {sanitize_line(str(error))} This conversation is not kept.")
        return None
    if store.notice:
        say(f"note: {sanitize_line(store.notice)}")
    return store


def resumed_session(store: SessionStore | None, session: str | None) -> SessionInfo | None:
    """Return the session to go on with. Raises UsageError or SessionGoneError."""
    from gptoss_cli.cli.sessions.finding import the_session

    if session is None:
        return None
    return the_session(store, session, lambda name: ("show", name))


def with_model_of(settings: Settings, resumed: SessionInfo | None) -> Settings:
    """Return `settings` with the model of the session that goes on, where it still is here."""
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    if "model" in settings.given or resumed is None or not resumed.model:
        return settings
    try:
        shelf().registry.resolve(resumed.model)
    except GptossError:
        say(f"note: {sanitize_line(resumed.model)}, which it was held with, is not here any more.")
        return settings
    return replace(settings, model=resumed.model)
