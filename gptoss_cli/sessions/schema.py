"""The tables of the store and how older ones become newer ones.

A session's messages lie together: the id of a message is ``session.key << MESSAGE_BITS`` plus its
number in the session, from 1. One range of ids is one session, which makes opening, searching and
removing a session each a single walk, and proves that a parent belongs to the same session. Keys
are never used again, so an id that another program still remembers means nothing else later.

``said`` and ``thought`` are the indexes of full-text search (``sessions.search``): contentless, so
no text is stored twice. Number 0 of a session stands for its title in ``said``.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

APPLICATION_ID: Final = 0x67706F73  # "gpos": file(1) and this program know the store by it
MESSAGE_BITS: Final = 24

# As they are now: should they change, the first step below keeps its own copy of these.
INDEX_TABLES: Final = (
    """CREATE VIRTUAL TABLE said USING fts5(
      text, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2')""",
    """CREATE VIRTUAL TABLE thought USING fts5(
      text, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2')""",
)
_FIRST_TABLES: Final = (
    """CREATE TABLE session (
      key INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      title TEXT NOT NULL,
      title_is_own INTEGER NOT NULL CHECK (title_is_own IN (0, 1)),
      created_s REAL NOT NULL,
      changed_s REAL NOT NULL,
      model TEXT NOT NULL,
      settings TEXT NOT NULL, -- JSON
      message_count INTEGER NOT NULL DEFAULT 0,
      head_id INTEGER CHECK (head_id >> 24 = key),
      origin TEXT UNIQUE -- what an imported session was elsewhere
    ) STRICT""",
    "CREATE INDEX session_changed ON session (changed_s, key)",
    """CREATE TABLE message (
      id INTEGER PRIMARY KEY, -- session.key << 24 | number
      parent_id INTEGER CHECK (parent_id < id AND parent_id >> 24 = id >> 24),
      role TEXT NOT NULL,
      channel TEXT,
      content TEXT NOT NULL, -- UTF-8, lone halves of surrogate pairs as three bytes
      name TEXT,
      recipient TEXT,
      content_type TEXT,
      tokens BLOB, -- 32-bit integers, little-endian
      state TEXT NOT NULL,
      created_s REAL NOT NULL,
      model TEXT,
      effort TEXT,
      usage TEXT -- JSON
    ) STRICT""",
    *INDEX_TABLES,
)

Migration = Callable[[sqlite3.Connection], None]


def _begin(database: sqlite3.Connection) -> None:
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for statement in _FIRST_TABLES:
        database.execute(statement)


# The one at place n leads from version n to n + 1. They are history: added to, never changed.
MIGRATIONS: Final[tuple[Migration, ...]] = (_begin,)
VERSION: Final = len(MIGRATIONS)


def version_of(database: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 in a new file."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def is_foreign(database: sqlite3.Connection) -> bool:
    """Return whether the file belongs to another program."""
    (application_id,) = database.execute("PRAGMA application_id").fetchone()
    if application_id:
        return bool(application_id != APPLICATION_ID)
    # Many programs give no id. Ours and the tables come in one transaction.
    return database.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None


def migrate(database: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Bring the tables to the newest version, one transaction per step.

    Another program may do the same at the same moment: each step looks again inside. A version
    newer than all `migrations` stays as it is.
    """
    while version_of(database) < len(migrations):
        with transaction(database):
            version = version_of(database)
            if version < len(migrations):
                migrations[version](database)
                database.execute(f"PRAGMA user_version = {version + 1}")


@contextlib.contextmanager
def transaction(
    database: sqlite3.Connection, begin: Callable[[sqlite3.Connection], object] | None = None
) -> Iterator[None]:
    """Hold a transaction, one that writes unless `begin` begins another; an exception takes all
    back.
    """
    try:
        if begin is None:
            database.execute("BEGIN IMMEDIATE")
        else:
            begin(database)
        yield
        database.execute("COMMIT")
    except BaseException:
        # On a full disk SQLite has taken it back itself; a damaged file may not even do that.
        if database.in_transaction:
            with contextlib.suppress(sqlite3.DatabaseError):
                database.execute("ROLLBACK")
        raise
