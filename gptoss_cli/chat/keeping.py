"""A conversation on its way into the store, message by message, whatever happens to the store."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.tree import ConversationTree
from gptoss_cli.errors import SessionError, SessionGoneError, StoreBusyError
from gptoss_cli.sessions.ids import new_id
from gptoss_cli.sessions.records import SessionInfo, StoredMessage

if TYPE_CHECKING:
    from gptoss_cli.sessions.store import SessionStore

_BRIEF_S: Final = 0.05
_AFTER_FAILURE_S: Final = 0.2
_LEAVING_S: Final = 0.8  # all attempts together, and what is on its way
_KEPT_AGAIN: Final = "the conversation is kept again, all of it."


class Keeper:
    """Writes conversations to `store`, one at a time; without a store, nowhere.

    The tree in memory is what counts: when the store fails, the conversation goes on, and what is
    missing in the store is written as soon as it works again, also of a conversation that was left
    meanwhile. A session that another program removed is begun anew. ``session_id`` is None until
    there is something to keep.
    """

    def __init__(self, store: SessionStore | None) -> None:
        self._store = store
        self._present = _Place()
        self._left: list[tuple[_Place, ConversationTree, ChatSettings]] = []
        self._patience_s = store.patience_s if store is not None else 0.0
        self._leaves_at_s: float | None = None
        self.has_failed = False

    @property
    def store(self) -> SessionStore | None:
        """Where conversations are kept, None if they are not."""
        return self._store

    @property
    def session_id(self) -> str | None:
        """The session that the present conversation is kept as."""
        return self._present.session_id

    @property
    def ids(self) -> list[str]:
        """The ids that the present conversation has had here, also before it is kept: the last is
        what it is kept as, or will be.
        """
        return self._present.ids

    def resume(self, info: SessionInfo, tree: ConversationTree, settings: ChatSettings) -> None:
        """Go on with a session of which `tree` has the messages, under the ids of the store."""
        self._present = _Place(
            session_id=info.id,
            ids=[info.id],
            own_title=info.title if info.title_is_own else "",
            stored_title=info.title if info.title_is_own else "",
            stored={stored.id: stored.id for stored in tree},
            settings=settings,
            head_id=tree.head_id,
        )

    def call(self, title: str) -> None:
        """Give the present conversation a title of the person's own; ``keep`` writes it."""
        self._present.own_title = title

    def hurry(self) -> None:
        """Wait for other programs a second at most from now on, all in all: the person leaves."""
        self._leaves_at_s = time.monotonic() + _LEAVING_S
        if self._store is not None:
            self._store.patience_s = _BRIEF_S

    def keep(self, tree: ConversationTree, settings: ChatSettings, *, briefly: bool = False) -> str:
        """Write what changed; return what the person should be told of it, nearly always nothing.

        The first failure is told, and the first success after it. With `briefly`, another program
        that writes is hardly waited for, and not told of: what is missing is written next time.
        """
        if self._store is None:
            tree.touched.clear()
            return ""
        try:
            with self._waiting(self._store, briefly=briefly):
                while self._left:
                    place, left_tree, left_settings = self._left[0]
                    place.write(self._store, left_tree, left_settings)
                    del self._left[0]
                self._present.write(self._store, tree, settings)
        except SessionError as error:
            if briefly and isinstance(error, StoreBusyError):
                return ""
            was_told, self.has_failed = self.has_failed, True
            return "" if was_told else f"{error} The conversation is not kept for now."
        was_told, self.has_failed = self.has_failed, False
        return _KEPT_AGAIN if was_told else ""

    def is_kept(self) -> bool:
        """Whether the present conversation is in the store, and no other program removed it."""
        store, session_id = self._store, self._present.session_id
        if store is None or session_id is None or self.has_failed:
            return False
        try:
            with self._waiting(store, briefly=True):
                return store.has(session_id)
        except SessionError:
            return False

    @contextlib.contextmanager
    def _waiting(self, store: SessionStore, *, briefly: bool) -> Iterator[None]:
        """Wait for other programs inside as long as now is right."""
        if self._leaves_at_s is not None:
            store.patience_s = max(self._leaves_at_s - time.monotonic(), _BRIEF_S)
        elif briefly:
            store.patience_s = _BRIEF_S
        elif self.has_failed:
            store.patience_s = _AFTER_FAILURE_S
        try:
            yield
        finally:
            if self._leaves_at_s is None:
                store.patience_s = self._patience_s

    def has_all_of(self, session_id: str, tree: ConversationTree, settings: ChatSettings) -> bool:
        """Whether the store has all that was said in the session in this program; `tree` and
        `settings` are the present conversation's.
        """
        pending = [place for place, _, _ in self._left]
        if self._present.lacks(tree, settings):
            pending.append(self._present)
        return all(place.session_id != session_id for place in pending)

    def leave(
        self, tree: ConversationTree, settings: ChatSettings, *, forgets: bool = False
    ) -> None:
        """Let the conversation be; what is kept next begins another session.

        What could not be written yet is not forgotten, unless it is to be (`forgets`).
        """
        if forgets:
            self._left = [left for left in self._left if left[0].session_id != self.session_id]
        elif self._store is not None and self._present.lacks(tree, settings):
            self._left.append((self._present, tree, settings))
        self._present = _Place()


@dataclass(slots=True)
class _Place:
    """Where one conversation is in the store, and what the store has of it; ``own_title`` is one
    that the person gave, or empty. The last of ``ids`` is that of the session, also before it is
    begun.
    """

    session_id: str | None = None
    ids: list[str] = field(default_factory=lambda: [new_id(time.time())])
    own_title: str = ""
    stored_title: str = ""
    stored: dict[int, int] = field(default_factory=dict)  # ids of the tree's messages there
    settings: ChatSettings | None = None
    head_id: int | None = None

    def lacks(self, tree: ConversationTree, settings: ChatSettings) -> bool:
        """Whether the store has not got all of the conversation."""
        if self.session_id is None:
            return bool(tree.touched)
        return bool(
            tree.touched
            or self.own_title != self.stored_title
            or settings != self.settings
            or tree.head_id != self.head_id
        )

    def write(self, store: SessionStore, tree: ConversationTree, settings: ChatSettings) -> None:
        """Write what changed. Raises SessionError."""
        try:
            self._write(store, tree, settings)
        except SessionGoneError:
            self.session_id = self.settings = self.head_id = None
            self.ids.append(new_id(time.time()))
            self.stored_title = ""
            self.stored = {}
            tree.touched.update(stored.id for stored in tree)
            self._write(store, tree, settings)

    def _write(self, store: SessionStore, tree: ConversationTree, settings: ChatSettings) -> None:
        if self.session_id is None:
            if not tree.touched:
                return  # nothing was said: there is no session
            self.session_id = store.create(
                settings.model, settings.record(), self.own_title, session_id=self.ids[-1]
            )
            self.settings, self.stored_title = settings, self.own_title
        if self.own_title != self.stored_title:
            store.set_title(self.session_id, self.own_title)
            self.stored_title = self.own_title
        if settings != self.settings:
            store.set_settings(self.session_id, settings.record(), model=settings.model)
            self.settings = settings
        for message_id in sorted(tree.touched):
            self._write_message(store, self.session_id, tree[message_id])
            tree.touched.discard(message_id)
        if tree.head_id != self.head_id:
            head_id = None if tree.head_id is None else self.stored[tree.head_id]
            store.move_head(self.session_id, head_id)
            self.head_id = tree.head_id

    def _write_message(self, store: SessionStore, session_id: str, stored: StoredMessage) -> None:
        known_id = self.stored.get(stored.id)
        if known_id is not None:
            store.update(known_id, stored.message, state=stored.state, usage=stored.usage)
            return
        parent_id = None if stored.parent_id is None else self.stored[stored.parent_id]
        self.stored[stored.id] = store.add(
            session_id,
            parent_id,
            stored.message,
            state=stored.state,
            model=stored.model,
            effort=stored.effort,
            usage=stored.usage,
            created_s=stored.created_s,
        )
        self.head_id = stored.id
