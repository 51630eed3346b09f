"""Files with conversations in them: whole or not at all, and for this user only."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from gptoss_cli.errors import GptossError, UsageError


def write_private(path: Path, text: str, *, replace: bool = False) -> None:
    """Write `text` to a file at `path` that only this user reads.

    It is written beside and renamed. Raises UsageError when there is something already, unless
    `replace` is given and it is a file, and GptossError when the file cannot be written.
    """
    target = Path(os.path.realpath(path))  # what a link leads to, not the link
    try:
        _require_room(target, path, replace=replace)
        descriptor, name = tempfile.mkstemp(prefix=".gptoss-", suffix=".tmp", dir=target.parent)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8"))
                file.flush()
                os.fsync(file.fileno())
            if replace:
                draft.replace(target)
            else:
                _place(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise _taken(path) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise GptossError(f"{path} cannot be written: {why}.", hint="-o ANOTHER_FILE") from error


def _require_room(target: Path, path: Path, *, replace: bool) -> None:
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise UsageError(f"{path} is {what}.", hint="-o FILE, or -o - for standard output")
    if not replace:
        raise _taken(path)


def _place(draft: Path, target: Path) -> None:
    """Give `draft` the name `target`. Raises FileExistsError: somebody else was faster."""
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        # A disk without links: between the look and the renaming there is a moment.
        if os.path.lexists(target):
            raise FileExistsError from None
        draft.rename(target)


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path} is there already.", hint="--force replaces it")
