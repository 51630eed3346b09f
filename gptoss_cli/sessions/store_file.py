"""The store as a file: private, judged before it is touched, put aside when it is damaged."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gptoss_cli.sessions import schema
from gptoss_cli.sessions.faults import is_damage, unusable

if sys.platform != "win32":
    import fcntl

PATIENCE_S: Final = 5.0  # with another program that writes
_RETRY_S: Final = 0.02
# The log goes aside first: a fresh file beside the log of another would take it for its own.
_COMPANIONS: Final = ("-wal", "-shm", "-journal")
_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600
_AGAIN: Final = "try again in a moment"

Identity = tuple[int, int]


def companions(path: Path) -> tuple[Path, ...]:
    """Return the files that SQLite may keep beside the store at `path`."""
    return tuple(path.with_name(path.name + suffix) for suffix in _COMPANIONS)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold `folder`, made for this user only if it is absent, while a store in it is opened: no two
    programs make a file or put one aside at once.

    Where folders cannot be held (Windows, some network disks) nothing is. Raises OSError, and
    SessionError when another program holds it for long.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        folder.chmod(_PRIVATE_FOLDER)
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                raise unusable(folder, "another program is opening them", _AGAIN) from None
            time.sleep(_RETRY_S)
        except OSError:
            return
        else:
            return


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to the store at `path`, made for this user only if it is absent, its
    tables brought up to date.

    Raises OSError, sqlite3.Error, and SessionError when the file is not this program's or too new.
    """
    _make_private(path)
    _refuse_untouched(path)
    database = sqlite3.connect(
        path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _make_private(path: Path) -> None:
    """Make an empty file if there is none, and let nobody else read it, whatever the umask is.

    SQLite gives the files beside it the same mode.
    """
    # An existing file is never opened here: closing it would drop the locks that another store of
    # this process has on it (fcntl's rule), and two programs would write at once.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE_FILE))
        path.chmod(_PRIVATE_FILE)
    for file in (path, *companions(path)):
        with contextlib.suppress(FileNotFoundError):
            mode = file.stat().st_mode
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) & ~_PRIVATE_FILE:
                # Some disks have no modes.
                with contextlib.suppress(PermissionError, NotImplementedError):
                    file.chmod(_PRIVATE_FILE)


def size_bytes(path: Path) -> int:
    """Return what the store at `path` takes with the files beside it."""
    total = 0
    for file in (path, *companions(path)):
        with contextlib.suppress(OSError):
            total += file.stat().st_size
    return total


def identity(path: Path) -> Identity | None:
    """Return what tells the file at `path` from any other; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _refuse_untouched(path: Path) -> None:
    """Refuse what `_refuse` does before anything is changed, locked or written beside the file."""
    # What SQLite says about damage means little while nothing is locked.
    with (
        contextlib.suppress(sqlite3.DatabaseError),
        contextlib.closing(immutable(path)) as header,
    ):
        _refuse(header, path)


def immutable(path: Path) -> sqlite3.Connection:
    """Return a connection that leaves the file at `path` exactly as it is: no locks, no files
    beside it, and no look at what they hold. Raises sqlite3.OperationalError.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _refuse(database: sqlite3.Connection, path: Path) -> None:
    """Raise SessionError when the file is not this program's, or of a newer version."""
    if schema.is_foreign(database):
        raise unusable(path, "the file belongs to another program", "move it away")
    version = schema.version_of(database)
    if version > schema.VERSION:
        raise unusable(
            path,
            f"a newer gptoss has written them (version {version}, this one knows {schema.VERSION})",
            "update gptoss",
        )


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    database.text_factory = text_of
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    database.execute("PRAGMA secure_delete = ON")  # what is removed or replaced becomes zeros
    _refuse(database, path)  # again: what counts may stand in the log
    # The first tables come before the write-ahead log: the file itself then says whose it is.
    schema.migrate(database)
    (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
    # A commit to the log survives the death of any program, as the system has it. Only a power cut
    # can take the last ones, and what is damaged then is the log's end, which SQLite leaves out.
    # Where the disk allows no log (network folders), only a full sync is as safe.
    database.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")


def text_of(stored: bytes) -> str:
    """Return a text of the store; lone halves of surrogate pairs are as they were written."""
    try:
        return stored.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return stored.decode("utf-8", "replace")


def is_sound(database: sqlite3.Connection) -> bool:
    """Return whether SQLite finds no fault with the file; reads all of it."""
    try:
        return bool(database.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error as error:
        if is_damage(error):
            return False
        raise


def put_aside(path: Path, judged: Identity | None) -> Path | None:
    """Rename the damaged store, and what SQLite kept beside it; return its new place.

    None when the file is no longer the one that was `judged`: another program was faster.
    Raises OSError.
    """
    stamp = f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    aside = path.with_name(stamp)
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{stamp}-{number}")
    if judged is None or identity(path) != judged:
        return None
    for old, new in zip(companions(path), companions(aside), strict=True):
        with contextlib.suppress(FileNotFoundError):
            old.rename(new)
    path.rename(aside)
    return aside
