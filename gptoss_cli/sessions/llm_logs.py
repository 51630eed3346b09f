"""Conversations that simonw's ``llm`` logged: its ``logs.db``.

A few columns of two tables are read, ``conversations`` and ``responses``. The file is opened
read-only and immutable: it is left exactly as it is, and what its log still holds while ``llm``
runs is not seen. Everything in it is untrusted.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from gptoss_cli.messages import final, user
from gptoss_cli.sessions.foreign import LONGEST_CHARACTERS, NOT_TEXT, Found, Tree
from gptoss_cli.sessions.session_json import string_or, time_or
from gptoss_cli.sessions.store_file import immutable, text_of

MAGIC: Final = b"SQLite format 3\0"
_NEEDED: Final = frozenset(
    {"id", "model", "prompt", "system", "response", "conversation_id", "datetime_utc"}
)
_LONGEST_BYTES: Final = 4 * LONGEST_CHARACTERS
_STEPS: Final = 1_000_000
_MOST_STEPS: Final = 2_000  # of a million instructions each: minutes, then the file is made to hang


class NotALogError(Exception):
    """The file is no log of ``llm``, or damaged."""


def conversations(path: Path) -> Iterator[Found]:
    """Yield the conversations of the log at `path`. Raises NotALogError."""
    database = immutable(path)
    with contextlib.closing(database):
        try:
            _guard(database)
            names = dict(_names(database))
            for conversation_id, rows in groupby(_responses(database), key=lambda row: row[0]):
                yield _conversation(conversation_id, rows, names.get(conversation_id, ""))
        except sqlite3.DatabaseError as error:
            raise NotALogError from error


def _guard(database: sqlite3.Connection) -> None:
    """Bound what the file can make SQLite do. Raises NotALogError."""
    database.text_factory = text_of
    database.execute("PRAGMA trusted_schema = OFF")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_BYTES)
    steps = iter(range(_MOST_STEPS))
    database.set_progress_handler(lambda: next(steps, None) is None, _STEPS)
    # A view could be any query at all.
    (kind,) = database.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'responses'"
        " AND sql LIKE 'CREATE TABLE%'"
    ).fetchone()
    columns = {row[1] for row in database.execute("PRAGMA table_info(responses)")}
    if not kind or not columns >= _NEEDED:
        raise NotALogError


def _names(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    with contextlib.suppress(sqlite3.OperationalError):  # older logs have none
        for name, title in database.execute("SELECT id, name FROM conversations"):
            if isinstance(name, str):
                yield name, string_or(title, "")


def _responses(database: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield the name of the conversation, prompt, response, system prompt, model and time of each
    response, by conversation and in order of time.
    """
    # A response without a conversation is one.
    yield from database.execute(
        "SELECT coalesce(conversation_id, id) AS conversation, prompt, response, system, model,"
        " datetime_utc FROM responses ORDER BY conversation, datetime_utc, rowid"
    )


def _conversation(name: object, rows: Iterable[tuple[Any, ...]], title: str) -> Found:
    skipped: Counter[str] = Counter()
    tree = Tree(skipped)
    head_id: int | None = None
    last_model = instructions = ""
    times_s: list[float] = []
    for _, prompt, response, system, model, moment in rows:
        times_s.append(_time_of(moment))
        last_model = string_or(model, last_model)
        instructions = instructions or string_or(system, "")
        for text, message_of in ((prompt, user), (response, final)):
            if isinstance(text, str) and text.strip():
                head_id = tree.add(
                    message_of(text),
                    head_id,
                    created_s=times_s[-1],
                    model=last_model if message_of is final else None,
                )
            elif text:
                skipped[NOT_TEXT] += 1
    session = tree.session(
        title=title,
        model=last_model,
        created_s=times_s[0],
        changed_s=times_s[-1],
        head_id=head_id,
        instructions=instructions,
    )
    return Found(session, f"llm:{name}", +skipped)


def _time_of(text: object) -> float:
    try:
        moment = datetime.fromisoformat(string_or(text, ""))
    except ValueError:
        return 0.0
    try:
        return time_or((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), 0.0)
    except (OverflowError, ValueError):
        return 0.0
