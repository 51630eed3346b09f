"""Where the commands about conversations find them, and how they print what stands there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gptoss_cli.config.paths import user_paths
from gptoss_cli.errors import SessionError

if TYPE_CHECKING:
    from gptoss_cli.sessions.records import SessionInfo
    from gptoss_cli.sessions.store import SessionStore

NONE_YET: Final = "no conversation is kept yet."


def store_path() -> Path:
    """Return where the store is, or will be. Raises SessionError when there is no home."""
    path = user_paths().sessions
    if not path.is_absolute():  # a user without a home: it would lie in the present folder
        raise SessionError(
            "there is no home folder to keep conversations in.", hint="set XDG_DATA_HOME"
        )
    return path


@contextlib.contextmanager
def kept() -> Iterator[SessionStore | None]:
    """Open the store, and tell what a person should know of that; None where there is none yet.

    None is made. Raises SessionError.
    """
    path = store_path()
    try:
        os.stat(path)  # noqa: PTH116  Path.exists takes a folder that may not be read for absent
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    except OSError:
        pass  # opening it says what is wrong
    with opened() as store:
        yield store


@contextlib.contextmanager
def opened() -> Iterator[SessionStore]:
    """Open the store, made if there is none, and tell what a person should know of that.

    Raises SessionError.
    """
    from gptoss_cli.sessions.faults import NOT_KEPT_HINT
    from gptoss_cli.sessions.store import open_store
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    try:
        with open_store(store_path()) as store:
            if store.notice:
                say(f"note: {sanitize_line(store.notice)}")
            yield store
    except SessionError as error:
        # That advice is for a conversation that is being held.
        error.hint = error.hint.removesuffix(NOT_KEPT_HINT).removesuffix("; ")
        raise


def shown_title(info: SessionInfo) -> str:
    """Return the title as people see it; it is still untrusted."""
    return info.title if info.title.strip() else "Untitled"


def local_minute(seconds: float) -> str:
    """Return a time as the clock on the wall shows it."""
    from gptoss_cli.sessions.records import moment

    there = moment(seconds)
    with contextlib.suppress(OverflowError, ValueError, OSError):  # at the ends of the calendar
        there = there.astimezone()
    return f"{there:%Y-%m-%d %H:%M}"


def utc(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    from gptoss_cli.sessions.records import moment

    return f"{moment(seconds):%Y-%m-%dT%H:%M:%SZ}"
