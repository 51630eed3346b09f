"""Which conversation a person means; what to type instead where that is not clear."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gptoss_cli.cli.sessions.completion import session_names
from gptoss_cli.cli.sessions.keeping import NONE_YET, local_minute, shown_title
from gptoss_cli.errors import SessionGoneError, UsageError

if TYPE_CHECKING:
    from gptoss_cli.sessions.records import SessionInfo
    from gptoss_cli.sessions.store import SessionStore

LAST: Final = "last"
_MOST_CANDIDATES: Final = 10

Session = Annotated[
    str,
    typer.Argument(
        metavar="SESSION",
        help="Its id, the beginning or end of that, its title, the beginning of that, or last.",
        autocompletion=session_names,
    ),
]
Thinking = Annotated[bool, typer.Option("--thinking", help="With what the model thought.")]
Again = Callable[[str], Sequence[str]]
"""Returns the arguments of the same command for the session with this id."""


def the_session(store: SessionStore | None, text: str, again: Again) -> SessionInfo:
    """Return the session that `text` means.

    Where it may mean several, or none, commands to type instead are printed. Raises UsageError for
    the former and SessionGoneError for the latter.
    """
    from gptoss_cli.sessions.naming import meant, nearest
    from gptoss_cli.sessions.records import title_of

    if store is None:
        raise SessionGoneError(NONE_YET)
    sessions = store.sessions()
    found = sessions[:1] if text.strip().casefold() == LAST else meant(text, sessions)
    if len(found) == 1:
        return found[0]
    if found:
        _print_candidates(found, sessions, again)
        message = f'"{title_of(text)}" may mean {len(found):,} conversations.'
        raise UsageError(message, hint="one of the commands above")
    near = nearest(text, sessions)
    _print_candidates(near, sessions, again)
    raise SessionGoneError(
        f'there is no conversation "{title_of(text)}".' if sessions else NONE_YET,
        hint="one of the commands above" if near else "gptoss sessions ls" if sessions else "",
    )


def _print_candidates(
    found: Sequence[SessionInfo], sessions: Sequence[SessionInfo], again: Again
) -> None:
    from gptoss_cli.sessions.naming import short_ids
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    if not found:
        return
    ids = short_ids(sessions)
    for info in found[:_MOST_CANDIDATES]:
        say(f"  {sanitize_line(shown_title(info))} ({local_minute(info.changed_s)})")
        command = shlex.join(["gptoss", "sessions", *again(ids[info.id])])
        say(f"    {sanitize_line(command)}")
    if len(found) > _MOST_CANDIDATES:
        say(f"  and {len(found) - _MOST_CANDIDATES:,} more")
