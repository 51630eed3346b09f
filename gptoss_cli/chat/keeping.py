"""A conversation on its way into the store, message by message, whatever happens to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.chat.tree import ConversationTree
from gptoss_cli.errors import SessionError, SessionGoneError
from gptoss_cli.sessions.records import StoredMessage

if TYPE_CHECKING:
    from gptoss_cli.sessions.store import SessionStore

_KEPT_AGAIN: Final = "the conversation is kept again, all of it."


class Keeper:
    """Writes one conversation to `store`; without one, nowhere.

    The tree in memory is what counts: when the store fails, the conversation goes on, and what is
    missing in the store is written as soon as it works again. A session that another program
    removed meanwhile is begun anew. ``session_id`` is None until there is something to keep.
    """

    def __init__(self, store: SessionStore | None) -> None:
        self._store = store
        self.session_id: str | None = None
        self._stored: dict[int, int] = {}  # the ids of the tree's messages in the store
        self._settings: ChatSettings | None = None
        self._head_id: int | None = None
        self.has_failed = False

    @property
    def store(self) -> SessionStore | None:
        """Where conversations are kept, None if they are not."""
        return self._store

    def resume(self, session_id: str, tree: ConversationTree, settings: ChatSettings) -> None:
        """Go on with a session of which `tree` has the messages, under the ids of the store."""
        self.session_id = session_id
        self._stored = {stored.id: stored.id for stored in tree}
        self._settings, self._head_id = settings, tree.head_id

    def keep(self, tree: ConversationTree, settings: ChatSettings) -> str:
        """Write what changed; return what the person should be told of it, nearly always nothing.

        The first failure is told, and the first success after it.
        """
        if self._store is None:
            tree.touched.clear()
            return ""
        try:
            try:
                self._write(self._store, tree, settings)
            except SessionGoneError:
                self.leave()
                tree.touched.update(stored.id for stored in tree)
                self._write(self._store, tree, settings)
        except SessionError as error:
            was_told, self.has_failed = self.has_failed, True
            return "" if was_told else f"{error} The conversation is not kept for now."
        was_told, self.has_failed = self.has_failed, False
        return _KEPT_AGAIN if was_told else ""

    def leave(self) -> None:
        """Let the session be; what is kept next begins another one."""
        self.session_id = self._settings = self._head_id = None
        self._stored = {}

    def _write(self, store: SessionStore, tree: ConversationTree, settings: ChatSettings) -> None:
        if self.session_id is None:
            if not tree.touched:
                return  # nothing was said: there is no session
            self.session_id = store.create(settings.model, settings.record())
            self._settings = settings
        if settings != self._settings:
            store.set_settings(self.session_id, settings.record(), model=settings.model)
            self._settings = settings
        for message_id in sorted(tree.touched):
            self._write_message(store, self.session_id, tree[message_id])
            tree.touched.discard(message_id)
        if tree.head_id != self._head_id:
            head_id = None if tree.head_id is None else self._stored[tree.head_id]
            store.move_head(self.session_id, head_id)
            self._head_id = tree.head_id

    def _write_message(self, store: SessionStore, session_id: str, stored: StoredMessage) -> None:
        known_id = self._stored.get(stored.id)
        if known_id is not None:
            store.update(known_id, stored.message, state=stored.state, usage=stored.usage)
            return
        parent_id = None if stored.parent_id is None else self._stored[stored.parent_id]
        self._stored[stored.id] = store.add(
            session_id,
            parent_id,
            stored.message,
            state=stored.state,
            model=stored.model,
            effort=stored.effort,
            usage=stored.usage,
            created_s=stored.created_s,
        )
        self._head_id = stored.id
