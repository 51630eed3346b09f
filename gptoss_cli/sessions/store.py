"""The store of conversations: one SQLite file that several programs may use at once.

What is written is never written over: editing a question or asking for another answer adds a
branch to the session's tree. A commit is one message, so the death of a program loses nothing but
what it had not given to the store.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from gptoss_cli.errors import SessionGoneError
from gptoss_cli.messages import Channel, Message, ReasoningEffort, Role
from gptoss_cli.sessions import merging, naming, rows, search_index, statements, store_file
from gptoss_cli.sessions.database import Database
from gptoss_cli.sessions.ids import is_id, new_id
from gptoss_cli.sessions.records import (
    MessageState,
    SessionInfo,
    SessionSettings,
    StoredMessage,
    StoredSession,
    title_of,
)
from gptoss_cli.sessions.rows import utf8
from gptoss_cli.sessions.schema import MESSAGE_BITS
from gptoss_cli.sessions.search import Query, SearchHit, parse

_INFO: Final = "SELECT id, title, title_is_own, created_s, changed_s, model, message_count"
_NEWEST: Final = "ORDER BY changed_s DESC, key DESC"


def open_store(path: Path) -> SessionStore:
    """Return the store at `path`, made for this user only if it is absent.

    A damaged file is put aside and a new one begun, which ``notice`` then says. Raises
    SessionError when the file is not this program's, of a newer version, or cannot be used.
    """
    return SessionStore(Database(path))


class SessionStore:
    """An open store; ``open_store`` makes it, ``close`` or leaving ``with`` ends it.

    Several threads may use it; each call is one transaction. Every method may raise SessionError,
    where the file cannot be read or written (StoreBusyError: not now); one that is given a session
    or a message raises SessionGoneError where it is not there, for instance because another program
    removed it, and StoreDamagedError, of the same kind, where all had to be put aside. Times are
    seconds since 1970; where one may be given, the present is the default. Ids of messages mean
    something in this store only.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The file, with links followed."""
        return self._database.path

    @property
    def notice(self) -> str | None:
        """What a person should be told about the opening, in a sentence; usually None."""
        return self._database.notice

    @property
    def patience_s(self) -> float:
        """How long another program that writes is waited for, until StoreBusyError is raised."""
        return self._database.patience_s

    @patience_s.setter
    def patience_s(self, patience_s: float) -> None:
        self._database.patience_s = patience_s

    def close(self) -> None:
        """Close the file; the store is of no use then."""
        self._database.close()

    # Sessions

    def create(
        self,
        model: str,
        settings: SessionSettings,
        title: str = "",
        *,
        session_id: str | None = None,
        created_s: float | None = None,
    ) -> str:
        """Begin a session with `model` and return its id: `session_id` (of ``ids.new_id``), or one
        that is made here.

        A `title` that is given is the person's own; else the first question becomes the title.
        """
        now_s = time.time() if created_s is None else created_s
        info = SessionInfo(
            id=session_id or new_id(now_s),
            title=title_of(title),
            title_is_own=bool(title.strip()),
            created_s=now_s,
            changed_s=now_s,
            model=model,
            message_count=0,
        )
        with self._database.writing() as db:
            statements.insert_session(db, info, settings)
        return info.id

    def restore(self, session: StoredSession, *, origin: str) -> str | None:
        """Add a whole session that comes from elsewhere and return its id; its messages get new
        ones, and its id stays where it is free.

        `origin` names what it was there: None is returned, and nothing added, if a session of that
        origin, or the session itself, is here already. Raises KeyError where a parent does not
        stand before its child.
        """
        info = session.info
        with self._database.writing() as db:
            if statements.key_of_origin(db, origin, info.id) is not None:
                return None
            info = replace(
                info,
                id=info.id if is_id(info.id) else new_id(info.created_s),
                title=title_of(info.title),
                message_count=len(session.messages),
            )
            key = statements.insert_session(db, info, session.settings, origin=origin)
            ids: dict[int | None, int | None] = {None: None}
            for own_id, stored in enumerate(session.messages, statements.ids_of(key)[0]):
                parent_id = ids[stored.parent_id]
                ids[stored.id] = own_id
                statements.insert_message(db, replace(stored, id=own_id, parent_id=parent_id))
            db.execute("UPDATE session SET head_id = ? WHERE key = ?", (ids[session.head_id], key))
            if not info.title:
                _title_by_question(db, key)
        return info.id

    def catch_up(self, session: StoredSession, *, origin: str) -> tuple[str, int] | None:
        """Add to the session that ``restore`` knows already what `session` has beyond it.

        Returns its id and how many messages came; None where it is not here any more. Nothing
        that is here changes. The head moves only where the conversation went on from it.
        """
        with self._database.writing() as db:
            key = statements.key_of_origin(db, origin, session.info.id)
            if key is None:
                return None
            here = _loaded(db, key)
            growth = merging.growth(here, session)
            ids = dict(growth.same)
            first = statements.next_message_id(db, key)
            for own_id, stored in enumerate(growth.messages, first):
                ids[stored.id] = own_id
                parent_id = ids[stored.parent_id]
                statements.insert_message(db, replace(stored, id=own_id, parent_id=parent_id))
            if growth.messages:
                db.execute(
                    "UPDATE session SET message_count = message_count + ?, head_id = ?,"
                    " changed_s = max(changed_s, ?) WHERE key = ?",
                    (
                        len(growth.messages),
                        ids[session.head_id] if growth.goes_on else here.head_id,
                        session.info.changed_s,
                        key,
                    ),
                )
        return here.info.id, len(growth.messages)

    def sessions(self, limit: int | None = None, offset: int = 0) -> list[SessionInfo]:
        """Return the sessions, the one that changed last first; `limit` None returns all."""
        count = -1 if limit is None else limit
        with self._database.reading() as db:
            found = db.execute(f"{_INFO} FROM session {_NEWEST} LIMIT ? OFFSET ?", (count, offset))
            return [rows.info_of(row) for row in found]

    def last(self) -> SessionInfo | None:
        """Return the session that changed last, None in an empty store."""
        return next(iter(self.sessions(limit=1)), None)

    def find(self, text: str) -> list[SessionInfo]:
        """Return the sessions that `text` may mean, as ``sessions.naming`` has it, the one that
        changed last first.
        """
        return naming.meant(text, self.sessions())

    def has(self, session_id: str) -> bool:
        """Return whether the session is here still."""
        with self._database.reading() as db:
            try:
                statements.key_of_session(db, session_id)
            except SessionGoneError:
                return False
        return True

    def load(self, session_id: str) -> StoredSession:
        """Return the session with all of its messages."""
        with self._database.reading() as db:
            return _loaded(db, statements.key_of_session(db, session_id))

    def set_title(self, session_id: str, title: str) -> None:
        """Give the session a title of the person's own; an empty one is made of its question."""
        with self._database.writing() as db:
            key = statements.key_of_session(db, session_id)
            if own := title_of(title):
                statements.retitle(db, key, own, is_own=True)
            else:
                _title_by_question(db, key)

    def suggest_title(self, session_id: str, title: str) -> None:
        """Give the session a title that is better than its question; one's own stays."""
        with self._database.writing() as db:
            key = statements.key_of_session(db, session_id)
            row = db.execute("SELECT title_is_own FROM session WHERE key = ?", (key,)).fetchone()
            if not row[0] and (better := title_of(title)):
                statements.retitle(db, key, better, is_own=False)

    def set_settings(self, session_id: str, settings: SessionSettings, *, model: str = "") -> None:
        """Replace what the session is continued with, and its model when one is named."""
        with self._database.writing() as db:
            key = statements.key_of_session(db, session_id)
            db.execute(
                "UPDATE session SET settings = ? WHERE key = ?", (rows.settings_text(settings), key)
            )
            if model:
                db.execute(
                    "UPDATE session SET model = CAST(? AS TEXT) WHERE key = ?", (utf8(model), key)
                )

    def remove(self, session_ids: Iterable[str]) -> int:
        """Remove sessions, and every trace of them in the files; return how many there were.

        Rewrites the files: seconds for hundreds of megabytes. Raises SessionError, with the
        sessions removed, when another program kept the log from being emptied.
        """
        with self._database.writing() as db:
            removed = sum(statements.remove_session(db, session_id) for session_id in session_ids)
            if removed:
                search_index.compact(db)
        if removed:
            self._database.wipe()
        return removed

    # Messages

    def add(
        self,
        session_id: str,
        parent_id: int | None,
        message: Message,
        *,
        state: MessageState = MessageState.COMPLETE,
        model: str | None = None,
        effort: ReasoningEffort | None = None,
        usage: Mapping[str, float | int] | None = None,
        created_s: float | None = None,
    ) -> int:
        """Add `message` below `parent_id`, or as a root for None; return its id.

        It becomes the head of the session as it is stored; another program that writes to the same
        session goes on from its own.
        """
        now_s = time.time() if created_s is None else created_s
        with self._database.writing() as db:
            key = statements.key_of_session(db, session_id)
            if parent_id is not None:
                statements.require_message(db, key, parent_id)
            stored = StoredMessage(
                id=statements.next_message_id(db, key),
                parent_id=parent_id,
                message=message,
                state=state,
                created_s=now_s,
                model=model,
                effort=effort,
                usage=usage,
            )
            statements.insert_message(db, stored)
            db.execute(
                "UPDATE session SET head_id = ?, message_count = message_count + 1,"
                " changed_s = max(changed_s, ?) WHERE key = ?",
                (stored.id, now_s, key),
            )
            if message.role is Role.USER and not _title(db, key):
                _title_by_question(db, key)
        return stored.id

    def update(
        self,
        message_id: int,
        message: Message,
        *,
        state: MessageState,
        usage: Mapping[str, float | int] | None = None,
    ) -> None:
        """Replace a partial message by what it has grown to; another `state` ends that.

        Raises ValueError when it is not partial any more: what is finished stays as it is.
        """
        with self._database.writing() as db:
            row = db.execute(rows.MESSAGES, (message_id, message_id)).fetchone()
            if row is None:
                raise statements.message_gone()
            old = rows.message_of(row)
            if old.state is not MessageState.PARTIAL:
                raise ValueError(f"message {message_id} is {old.state}")
            grown = replace(old, message=message, state=state, usage=usage or old.usage)
            statements.replace_message(db, old, grown)

    def move_head(self, session_id: str, message_id: int | None) -> None:
        """Make `message_id` what the next message of the session answers; None begins anew."""
        with self._database.writing() as db:
            key = statements.key_of_session(db, session_id)
            if message_id is not None:
                statements.require_message(db, key, message_id)
            db.execute("UPDATE session SET head_id = ? WHERE key = ?", (message_id, key))

    # Search and size

    def search(self, text: str, *, thinking: bool = False, limit: int = 20) -> list[SearchHit]:
        """Return the sessions in which all words of `text` occur in one message or in the title,
        the one that changed last first; with `thinking`, also those of the analysis channel.

        ``sessions.search`` says what a word is; any `text` is a valid question.
        """
        query = parse(text)
        hits: list[SearchHit] = []
        if not query.fts:
            return hits
        with self._database.reading() as db:
            for key, found in search_index.matches(db, query.fts, thinking=thinking):
                if len(hits) >= limit:
                    break
                hit = _newest_hit(db, query, key, found)
                if hit is not None:
                    hits.append(hit)
        return hits

    def size_bytes(self) -> int:
        """Return what the store takes on the disk."""
        return store_file.size_bytes(self.path)


def _loaded(database: sqlite3.Connection, key: int) -> StoredSession:
    row = database.execute(
        f"{_INFO}, settings, head_id FROM session WHERE key = ?", (key,)
    ).fetchone()
    found = database.execute(rows.MESSAGES, statements.ids_of(key))
    messages = tuple(map(rows.message_of, found))
    return StoredSession(rows.info_of(row), rows.stored_settings(row[7]), messages, row[8])


def _title(database: sqlite3.Connection, key: int) -> str:
    (title,) = database.execute("SELECT title FROM session WHERE key = ?", (key,)).fetchone()
    return str(title)


def _title_by_question(database: sqlite3.Connection, key: int) -> None:
    title = statements.question_title(database, key)
    statements.retitle(database, key, title, is_own=False)


def _newest_hit(
    database: sqlite3.Connection, query: Query, key: int, found: list[int]
) -> SearchHit | None:
    """Return the first of the rows `found` in the session `key` that really holds what is asked."""
    info = database.execute(f"{_INFO} FROM session WHERE key = ?", (key,)).fetchone()
    for row in found:
        if row == key << MESSAGE_BITS:
            message_id, channel, text = None, None, info[1]
        else:
            message_id, channel, text = database.execute(
                "SELECT id, channel, content FROM message WHERE id = ?", (row,)
            ).fetchone()
        snippet = query.find(text)
        if snippet is not None:
            return SearchHit(
                session=rows.info_of(info),
                message_id=message_id,
                is_thinking=channel == Channel.ANALYSIS,
                snippet=snippet,
            )
    return None
