"""The file ``config.toml`` changed on the disk: whole or not at all, one program at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gptoss_cli.config.file import ConfigFile, decoded, parse, raw_bytes
from gptoss_cli.config.paths import make_private_folder
from gptoss_cli.errors import GptossError, UsageError

_WAIT_S: Final = 10.0


def change(path: Path, lock_folder: Path, edit: Callable[[ConfigFile], str]) -> None:
    """Give the file at `path`, which need not be there, the text that `edit` makes of it.

    A link stays, and what it leads to is changed. Raises ConfigError when what is there cannot be
    read, GptossError when it cannot be written; then nothing is.
    """
    with _alone(lock_folder):
        raw = raw_bytes(path)
        file = parse(path, decoded(path, raw))
        text = edit(file)
        if text != file.text:
            _write(path, text.encode("utf-8"))


def require_place(path: Path | None) -> Path:
    """Return `path`. Raises UsageError where there is none: the user has no home."""
    if path is None:
        raise UsageError(
            "there is no home folder to keep a configuration in.",
            hint="export GPTOSS_CONFIG=/path/of/config.toml",
        )
    return path


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock in `folder`; where none can be made, go without."""
    from filelock import FileLock, Timeout  # noqa: PLC0415  reading needs none

    if not make_private_folder(folder):
        yield
        return
    lock = FileLock(folder / "config.lock")
    try:
        lock.acquire(timeout=_WAIT_S)
    except Timeout:
        raise GptossError(
            "another gptoss is changing the configuration.", hint="the same command again"
        ) from None
    except OSError:  # a folder that cannot be written
        yield
        return
    try:
        yield
    finally:
        lock.release()


def _write(path: Path, content: bytes) -> None:
    target = Path(os.path.realpath(path))
    try:
        mode = _mode(target, path)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".config-", suffix=".tmp", dir=target.parent)
        draft = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                draft.chmod(mode)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise GptossError(
            f"{path} cannot be written: {why}.", hint="gptoss config path; ls -l shows what it is"
        ) from error


def _mode(target: Path, path: Path) -> int | None:
    """Return the permissions of `target`, None where it is not there yet.

    A file that nobody may write is not written, although its folder would allow another one in
    its place.
    """
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path} is no regular file: nothing can be kept in it.")
    if not mode & 0o222 or not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    return stat.S_IMODE(mode)
