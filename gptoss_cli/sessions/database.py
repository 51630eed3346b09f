"""The connection to the store's file: transactions, and what happens when the file fails."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gptoss_cli.errors import SessionError, StoreDamagedError
from gptoss_cli.sessions import schema, search_index, store_file
from gptoss_cli.sessions.faults import is_damage, is_held, translated, unusable

_LOOKS_EVERY_S: Final = 0.05  # SQLite itself cannot be told to wait less once it waits
_BREATH_S: Final = 0.002

_Begin = Callable[[sqlite3.Connection], None]


class Database:
    """The file at `path`, made for this user only if it is absent; opened on construction.

    A damaged file is put aside and a new one begun: ``notice`` says so where that is found at the
    start, StoreDamagedError where it is found at work. ``patience_s`` is how long another program
    is waited for; it may be changed by another thread while one waits. Raises SessionError when the
    file is not this program's, of a newer version, or cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        self.notice: str | None = None
        self.patience_s = store_file.PATIENCE_S
        self._identity: store_file.Identity | None = None
        self._is_closed = False
        # One transaction at a time: two threads may use a store, and they share the connection.
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = self._open()

    def close(self) -> None:
        """Close the file for good. What was committed is kept, whether or not this succeeds."""
        with self._lock:
            self._is_closed = True
            self._disconnect()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection; all that is read through it is of one moment."""
        with self._transaction(self._begin_reading) as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection; what is written is committed together, or not at all."""
        with self._transaction(self._begin_writing) as connection:
            yield connection

    def wipe(self) -> None:
        """Leave nothing of what was removed in the file or its log."""
        with self._lock:
            self._wipe()

    def _wipe(self) -> None:
        connection = self._connected()
        try:
            # What was removed is zeros already (secure_delete). Where there is no room to write
            # the file anew, it only stays larger than it need be.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("VACUUM")
            is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error
        if is_busy:
            raise SessionError(
                f"it is removed, but another program reads {self.path}: traces stay in its log.",
                hint="they go when the other program ends",
            )

    @contextlib.contextmanager
    def _transaction(self, begin: _Begin) -> Iterator[sqlite3.Connection]:
        with self._lock:
            yield from self._one_transaction(begin)

    def _one_transaction(self, begin: _Begin) -> Iterator[sqlite3.Connection]:
        connection = self._connected()
        try:
            with schema.transaction(connection, begin):
                yield connection
        except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
            raise  # a defect of this program
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error

    def _begin_reading(self, connection: sqlite3.Connection) -> None:
        _wait_at_most(connection, self.patience_s)
        connection.execute("BEGIN")

    def _begin_writing(self, connection: sqlite3.Connection) -> None:
        """Begin as soon as no other program writes. Raises sqlite3.OperationalError."""
        began_s = time.monotonic()
        _wait_at_most(connection, _LOOKS_EVERY_S)
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_held(error) or time.monotonic() - began_s > self.patience_s:
                    raise
                time.sleep(_BREATH_S)  # some refusals come at once
            else:
                break
        _wait_at_most(connection, self.patience_s)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _connected(self) -> sqlite3.Connection:
        """Return the connection, made again if the file at the path is another one or none.

        Somebody moved or removed it: what is written would go where nobody looks.
        """
        assert not self._is_closed
        if self._connection is None or store_file.identity(self.path) != self._identity:
            self._disconnect()
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        with self._translated(), store_file.alone_in(self.path.parent):
            self._identity = store_file.identity(self.path)
            try:
                connection = store_file.connect(self.path)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                aside = store_file.put_aside(self.path, self._identity)
                self.notice = _put_aside_sentence(aside) if aside else None
                connection = store_file.connect(self.path)
            self._identity = store_file.identity(self.path)
            return connection

    def _begin_anew(self) -> SessionError:
        """Put the damaged file aside and begin a new one; return the error that says so."""
        self._disconnect()
        try:
            with self._translated(), store_file.alone_in(self.path.parent):
                aside = store_file.put_aside(self.path, self._identity)
            self._connection = self._open()
        except SessionError as error:
            return error
        if aside is None:  # another program was faster, and said where it is
            return StoreDamagedError("the file of conversations was damaged, and a new one began.")
        return StoreDamagedError(
            _put_aside_sentence(aside),
            hint=f'some of it may be read by: sqlite3 "{aside}" .recover',
        )

    def _explained(self, error: sqlite3.Error) -> SessionError:
        """Return what `error` means for a person, after doing what can be done about it."""
        connection = self._connection
        if connection is None or not is_damage(error):
            return translated(error, self.path)
        try:
            if store_file.is_sound(connection):
                with schema.transaction(connection):
                    search_index.rebuild(connection)
                why = "the index of the search was damaged, and is made anew now"
                return unusable(self.path, why, "try again")
        except sqlite3.DatabaseError as failure:
            if not is_damage(failure):
                return translated(failure, self.path)
        return self._begin_anew()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise translated(error, self.path) from error
        except OSError as error:
            raise unusable(self.path, error.strerror or type(error).__name__) from error


def _wait_at_most(connection: sqlite3.Connection, wait_s: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {round(wait_s * 1000)}")


def _put_aside_sentence(aside: Path) -> str:
    return f"the file of conversations was damaged; it is kept as {aside}, and a new one began."
