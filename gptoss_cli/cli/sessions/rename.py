"""``gptoss sessions rename``."""

from __future__ import annotations

from typing import Annotated

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.sessions.finding import Session, the_session
from gptoss_cli.cli.sessions.keeping import kept, shown_title
from gptoss_cli.errors import ExitCode, UsageError


def rename(
    session: Session,
    title: Annotated[
        list[str],
        typer.Argument(metavar="TITLE...", help='"" makes it of the first question again.'),
    ],
) -> Task:
    """Give a conversation a title."""
    return lambda: _rename(session, " ".join(title))


def _rename(name: str, title: str) -> int:
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    try:
        title.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(
            "the title is not valid UTF-8.", hint="check the encoding of the terminal: locale"
        ) from None
    with kept() as store:
        info = the_session(store, name, lambda own_id: ["rename", own_id, title])
        assert store is not None
        store.set_title(info.id, title)
        info = store.load(info.id).info
    say(f"it is called {sanitize_line(shown_title(info))} now.")
    return ExitCode.OK
