"""``gptoss sessions rm``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Yes, may_remove
from gptoss_cli.cli.sessions.completion import session_names
from gptoss_cli.cli.sessions.finding import the_session
from gptoss_cli.cli.sessions.keeping import kept, local_minute, shown_title
from gptoss_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gptoss_cli.sessions.records import SessionInfo

_MOST_LINES: Final = 20


def rm(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SESSION]...", help="Ids or titles.", autocompletion=session_names),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are kept.")] = False,
    yes: Yes = False,
) -> Task:
    """Remove conversations, and every trace of them in the store."""
    if not sessions and not everything:
        raise UsageError("no conversation is named.", hint="gptoss sessions ls shows them")
    return lambda: _rm(sessions or [], everything=everything, yes=yes)


def _rm(names: list[str], *, everything: bool, yes: bool) -> int:
    from gptoss_cli.cli.cache.place import kept_states
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import size

    with kept() as store:
        if everything:
            found = store.sessions() if store else []
        else:
            found = [the_session(store, name, lambda own_id: ["rm", own_id]) for name in names]
        found = list({info.id: info for info in found}.values())
        if store is None or not found:
            say("there is nothing to remove.")
            return ExitCode.OK
        for info in found[:_MOST_LINES]:
            say(_line(info))
        if len(found) > _MOST_LINES:
            say(f"and {len(found) - _MOST_LINES:,} more")
        if not yes and not may_remove():
            return ExitCode.OK
        before = store.size_bytes()
        removed = store.remove([info.id for info in found])
        freed = max(before - store.size_bytes(), 0)
    what = "1 conversation" if removed == 1 else f"{removed:,} conversations"
    say(f"{what} removed, {size(freed)} became free.")
    kept_states().remove_sessions([info.id for info in found])
    return ExitCode.OK


def _line(info: SessionInfo) -> str:
    from gptoss_cli.ui.sanitize import sanitize_line

    count = "1 message" if info.message_count == 1 else f"{info.message_count:,} messages"
    return f"{sanitize_line(shown_title(info))}: {count}, {local_minute(info.changed_s)}"
