"""Sessions from files: this program's own, ChatGPT's export, and the log of simonw's ``llm``.

What a file is shows in its first bytes and its shape, not in its name. Nothing in it is trusted:
its size, its depth and the length of its texts are bounded, and what is not understood is skipped
and counted. A session is known by its origin, so importing a file again adds only what is new in
it; a session that went on elsewhere since then counts as known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gptoss_cli.errors import UsageError
from gptoss_cli.sessions import chatgpt, llm_logs, session_json
from gptoss_cli.sessions.foreign import (
    LONGEST_CHARACTERS,
    MOST_MESSAGES,
    NOT_TEXT,
    NOT_UNDERSTOOD,
    TOO_LONG,
    Found,
)
from gptoss_cli.sessions.store import SessionStore

_LARGEST_BYTES: Final = 512 << 20
_HINT: Final = (
    "these can be: json that gptoss exported, conversations.json of ChatGPT, logs.db of llm"
)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came. ``known_sessions`` were here already; ``skipped`` counts messages and sessions
    that were left out, by the reason in words.
    """

    session_ids: tuple[str, ...]
    messages: int
    known_sessions: int
    skipped: Mapping[str, int]


def import_file(store: SessionStore, path: Path) -> ImportResult:
    """Add the sessions in the file at `path` to `store`.

    Each session comes whole or not at all; after an error, what came before it stays, and the same
    import goes on from there. Raises UsageError when the file cannot be read or is none of those
    that can be imported, SessionError when the store cannot be written.
    """
    came: list[str] = []
    messages = known = 0
    skipped: Counter[str] = Counter()
    for found in _found_in(path):
        if isinstance(found, str):
            skipped[found] += 1
            continue
        if not found.session.messages:
            skipped[NOT_TEXT] += 1
            continue
        session_id = store.restore(found.session, origin=found.origin)
        if session_id is None:
            known += 1
            continue
        came.append(session_id)
        messages += len(found.session.messages)
        skipped += found.skipped
    return ImportResult(tuple(came), messages, known, dict(skipped))


def _found_in(path: Path) -> Iterator[Found | str]:
    """Yield the sessions in the file, and the reason in words for each that is none."""
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            magic = file.read(len(llm_logs.MAGIC))
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error
    if size_bytes > _LARGEST_BYTES:
        raise _unusable(path, f"it is larger than {_LARGEST_BYTES >> 20:,} MiB")
    if magic == llm_logs.MAGIC:
        try:
            yield from llm_logs.conversations(path)
        except llm_logs.NotALogError as error:
            raise _unusable(path, "it is no log of llm, or damaged") from error
        return
    plain = _json(path)
    listed = plain if isinstance(plain, list) else [plain]
    if not any(session_json.is_session(p) or chatgpt.is_conversation(p) for p in listed):
        raise _unusable(path, "there are no conversations in it")
    for entry in listed:
        yield _own(entry) if session_json.is_session(entry) else _of_chatgpt(entry)


def _own(plain: Any) -> Found | str:
    listed = plain.get("messages")
    if isinstance(listed, list):
        if len(listed) > MOST_MESSAGES:
            return TOO_LONG
        texts = (entry.get("content") for entry in listed if isinstance(entry, Mapping))
        if any(isinstance(text, str) and len(text) > LONGEST_CHARACTERS for text in texts):
            return TOO_LONG
    try:
        session, unusable = session_json.session_of(plain)
    except ValueError:
        return "written by a newer gptoss"
    origin = f"gptoss:{session.info.id or 'unnamed'}"
    return Found(session, origin, +Counter({NOT_UNDERSTOOD: unusable}))


def _of_chatgpt(plain: Any) -> Found | str:
    found = chatgpt.conversation_of(plain) if chatgpt.is_conversation(plain) else None
    return NOT_UNDERSTOOD if found is None else found


def _json(path: Path) -> object:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_BYTES + 1).decode("utf-8-sig", "surrogatepass")
        return json.loads(text)
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error
    except (ValueError, RecursionError) as error:
        raise _unusable(path, "it is no JSON") from error


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} cannot be imported: {why}.", hint=_HINT)
