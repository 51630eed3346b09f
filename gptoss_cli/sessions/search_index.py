"""The index of full-text search: what goes in, what comes out, and what is found.

The index is contentless, so a text leaves it only by the very words it came with: whoever changes
or removes a message takes the old text out first. Thinking has an index of its own.
"""

from __future__ import annotations

import heapq
import itertools
import math
import sqlite3
from collections.abc import Iterator
from typing import Final

from gptoss_cli.messages import Channel
from gptoss_cli.sessions import schema
from gptoss_cli.sessions.folding import searchable

_TABLES: Final = ("said", "thought")
_INSERT: Final = {
    False: "INSERT INTO said (rowid, text) VALUES (?, ?)",
    True: "INSERT INTO thought (rowid, text) VALUES (?, ?)",
}
_DELETE: Final = {
    False: "INSERT INTO said (said, rowid, text) VALUES ('delete', ?, ?)",
    True: "INSERT INTO thought (thought, rowid, text) VALUES ('delete', ?, ?)",
}
_MATCH: Final = {
    False: "SELECT rowid FROM said WHERE said MATCH ? ORDER BY rowid DESC",
    True: "SELECT rowid FROM thought WHERE thought MATCH ? ORDER BY rowid DESC",
}
_OPTIMIZE: Final = (
    "INSERT INTO said (said) VALUES ('optimize')",
    "INSERT INTO thought (thought) VALUES ('optimize')",
)


def add(database: sqlite3.Connection, row: int, text: str, *, is_thinking: bool = False) -> None:
    """Make `text` be found as `row`, the id of a message or of a session's title."""
    database.execute(_INSERT[is_thinking], (row, searchable(text)))


def remove(database: sqlite3.Connection, row: int, text: str, *, is_thinking: bool = False) -> None:
    """Take out `text`, exactly as it was put in."""
    database.execute(_DELETE[is_thinking], (row, searchable(text)))


def compact(database: sqlite3.Connection) -> None:
    """Rewrite the index without what was taken out, whose words are in it until then."""
    for statement in _OPTIMIZE:
        database.execute(statement)


def rebuild(database: sqlite3.Connection) -> None:
    """Make the index anew from titles and messages."""
    for table in _TABLES:
        database.execute(f"DROP TABLE {table}")
    for statement in schema.INDEX_TABLES:
        database.execute(statement)
    for key, title in database.execute("SELECT key, title FROM session"):
        add(database, key << schema.MESSAGE_BITS, title)
    for row, channel, text in database.execute("SELECT id, channel, content FROM message"):
        add(database, row, text, is_thinking=channel == Channel.ANALYSIS)


def matches(
    database: sqlite3.Connection, fts: str, *, thinking: bool
) -> Iterator[tuple[int, list[int]]]:
    """Yield the sessions in which something matches: the key, and the rows that match, newest
    first. The session that changed last comes first.
    """
    indexes = (False, True) if thinking else (False,)
    streams = [database.execute(_MATCH[is_thinking], (fts,)) for is_thinking in indexes]
    rows: Iterator[int] = (row for (row,) in heapq.merge(*streams, reverse=True))
    # A common word is in a hundred thousand messages, of which the newest few are wanted: sessions
    # that changed last mostly began last, too, so most of the rows need not be read.
    by_session = itertools.groupby(rows, key=lambda row: row >> schema.MESSAGE_BITS)
    passed: dict[int, list[int]] = {}
    reached = math.inf
    newest = database.execute("SELECT key FROM session ORDER BY changed_s DESC, key DESC")
    for (key,) in newest:
        while reached > key:
            reached, group = next(by_session, (-1, ()))
            passed[reached] = list(group)
        if key in passed:
            yield key, passed[key]
