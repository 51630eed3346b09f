"""Commands about conversations that are kept."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from gptoss_cli.errors import UsageError
from gptoss_cli.messages import Role
from gptoss_cli.repl.commands.base import Command, Completes, plural
from gptoss_cli.repl.dialogue import Dialogue
from gptoss_cli.repl.replay import line_rows
from gptoss_cli.repl.typed import as_typed
from gptoss_cli.sessions.records import title_of, words_of
from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row, wrap
from gptoss_cli.ui.sanitize import sanitize_line

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.sessions.records import SessionInfo
    from gptoss_cli.sessions.store import SessionStore

_LISTED = 20
_DAY_S = 86_400


def store_of(dialogue: Dialogue) -> SessionStore:
    """Return where conversations are kept. Raises UsageError where they are not."""
    store = dialogue.chat.keeper.store
    if store is None:
        raise UsageError("conversations are not kept in this chat.")
    return store


def _sessions(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    store = store_of(dialogue)
    found = store.find(text) if text else store.sessions(limit=_LISTED)
    if not found:
        raise UsageError("no conversation is kept yet." if not text else f"none is called {text}.")
    dialogue.listed = [info.id for info in found[:_LISTED]]
    width = dialogue.front.width()
    rows: list[Row] = []
    for number, info in enumerate(found[:_LISTED], 1):
        mark = "*" if info.id == dialogue.chat.keeper.session_id else " "
        line = f"{mark}{number:>3}  {_line(info)}"
        rows += line_rows(line, width)
    rows += line_rows("/open N goes on with one.", width, theme.FAINT)
    dialogue.front.show(rows)


def _open(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    store = store_of(dialogue)
    if not text:
        _sessions(dialogue, "", _cancel)
        return
    entries = {str(number): name for number, name in enumerate(dialogue.listed, 1)}
    found = store.find(entries.get(text, text))
    if not found:
        raise UsageError(f"no conversation is called {text}.", hint="/sessions lists them")
    if len(found) > 1:
        dialogue.listed = [info.id for info in found]
        lines = [f"{number:>3}  {_line(info)}" for number, info in enumerate(found, 1)]
        dialogue.front.say("\n".join(["several are called so; /open N:", *lines]))
        return
    dialogue.open(found[0])
    model = dialogue.chat.settings.model
    if found[0].model not in {"", model}:
        dialogue.front.say(f"so far with {found[0].model}, now with {model} (/model)")


def _new(dialogue: Dialogue, _text: str, _cancel: Cancel) -> None:
    dialogue.begin_anew()
    dialogue.front.say("a new conversation. /sessions lists the earlier ones.")


def _title(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    if not text:
        dialogue.front.say(dialogue.status.title or "there is no title yet.")
        return
    dialogue.name(title_of(text), is_own=True)
    dialogue.chat.keeper.call(title_of(text))
    dialogue.tell(dialogue.chat.keep())


def _search(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    words = " ".join(word for word in text.split() if word != "--thinking")
    if not words:
        raise UsageError("search for what?", hint="/search [--thinking] WORDS")
    began_s = time.monotonic()
    hits = store_of(dialogue).search(words, thinking="--thinking" in text.split(), limit=_LISTED)
    if not hits:
        dialogue.front.say(f"nothing was said about {words}.")
        return
    dialogue.listed = [hit.session.id for hit in hits]
    width = dialogue.front.width()
    rows: list[Row] = []
    for number, hit in enumerate(hits, 1):
        rows += line_rows(f"{number:>3}  {_line(hit.session)}", width)
        snippet = hit.snippet
        if hit.message_id is not None:
            before, found, after = (
                snippet.text[: snippet.start],
                snippet.text[snippet.start : snippet.end],
                snippet.text[snippet.end :],
            )
            line: Row = [(f"     {before}", theme.FAINT), (found, theme.STRONG)]
            rows += wrap([*line, (after, theme.FAINT)], width)
    took = f"{(time.monotonic() - began_s) * 1000:.0f} ms"
    rows += wrap([(f"{plural(len(hits), 'conversation')}, {took}. /open N", theme.FAINT)], width)
    dialogue.front.show(rows)


def _forget(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    session_id = dialogue.chat.keeper.session_id
    if session_id is None:
        raise UsageError("nothing of this conversation is kept.")
    if text != "yes":
        dialogue.front.say(
            "this removes the whole conversation, all branches of it, for good. /forget yes"
        )
        return
    store = store_of(dialogue)
    questions = [m.message.content for m in dialogue.chat.tree if m.message.role is Role.USER]
    words = [words_of(question) for question in questions]
    texts = [*questions, *words, *map(as_typed, [*questions, *words]), *dialogue.typed]
    ids = dialogue.chat.keeper.ids
    store.remove([session_id])
    dialogue.front.forget_typed(texts, ids)
    dialogue.begin_anew(forgets=True)
    dialogue.services.forget_typed(texts, ids)
    dialogue.front.say("forgotten. This is a new conversation.")


def _line(info: SessionInfo) -> str:
    """Return when a session changed last, and its title."""
    return f"{_day(info.changed_s):<10}  {sanitize_line(info.title) or 'untitled'}"


def _day(changed_s: float) -> str:
    """Return when it was, as short as it is clear."""
    moment = datetime.fromtimestamp(changed_s)
    if time.time() - changed_s < _DAY_S:
        return f"{moment:%H:%M}"
    return f"{moment:%Y-%m-%d}"


COMMANDS = (
    Command(name="new", does="begin another conversation", run=_new),
    Command(
        name="sessions",
        arguments="[TITLE]",
        does="list the conversations that are kept",
        run=_sessions,
        completes=Completes.SESSION,
    ),
    Command(
        name="open",
        arguments="N|TITLE",
        does="go on with one of them",
        run=_open,
        completes=Completes.SESSION,
    ),
    Command(
        name="search",
        arguments="[--thinking] WORDS",
        does="search all of them",
        run=_search,
    ),
    Command(name="title", arguments="[TEXT]", does="name this conversation", run=_title),
    Command(name="forget", does="remove this conversation for good", run=_forget),
)
