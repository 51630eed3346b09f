"""Sessions from files: this program's own, ChatGPT's export, and the log of simonw's ``llm``.

What a file is shows in its first bytes and its shape, not in its name. Nothing in it is trusted:
its size, its depth and the length of its texts are bounded, and what is not understood is skipped
and counted. A session is known by its origin, so importing a file again adds only what is new in
it, also the messages with which a session went on since then.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gptoss_cli.errors import UsageError
from gptoss_cli.sessions import archive, chatgpt, llm_logs, session_json
from gptoss_cli.sessions.foreign import (
    LONGEST_CHARACTERS,
    MOST_MESSAGES,
    NOT_TEXT,
    NOT_UNDERSTOOD,
    TOO_LONG,
    Found,
)
from gptoss_cli.sessions.records import StoredSession
from gptoss_cli.sessions.store import SessionStore

_LARGEST_BYTES: Final = 512 << 20
_HINT: Final = (
    "these can be: json that gptoss exported, the zip of ChatGPT or conversations.json in it,"
    " logs.db of llm"
)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came. ``session_ids`` are new, ``grown_ids`` were here and got more messages, the
    ``known_sessions`` had nothing new; ``messages`` counts those that came, ``skipped`` messages
    and sessions that were left out, by the reason in words.
    """

    session_ids: tuple[str, ...]
    grown_ids: tuple[str, ...]
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
    grown: list[str] = []
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
        if session_id is not None:
            came.append(session_id)
            messages += len(found.session.messages)
        else:
            more = store.catch_up(found.session, origin=found.origin)
            if more is None or not more[1]:
                known += 1
                continue
            grown.append(more[0])
            messages += more[1]
        skipped += found.skipped
    return ImportResult(tuple(came), tuple(dict.fromkeys(grown)), messages, known, dict(skipped))


def _found_in(path: Path) -> Iterator[Found | str]:
    """Yield the sessions in the file, and the reason in words for each that is none."""
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise _unusable(path, "it is no regular file")
        with path.open("rb") as file:
            magic = file.read(len(llm_logs.MAGIC))
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error
    if status.st_size > _LARGEST_BYTES and not magic.startswith(archive.MAGIC):  # full of pictures
        raise _unusable(path, f"it is larger than {_LARGEST_BYTES >> 20:,} MiB")
    if magic == llm_logs.MAGIC:
        try:
            yield from llm_logs.conversations(path)
        except llm_logs.NotALogError as error:
            raise _unusable(path, "it is no log of llm, or damaged") from error
        return
    is_archive = magic.startswith(archive.MAGIC)
    is_any = False
    for content in _archived(path) if is_archive else (_content(path),):
        plain = _json(path, content)
        listed = plain if isinstance(plain, list) else [plain]
        if any(session_json.is_session(p) or chatgpt.is_conversation(p) for p in listed):
            is_any = True
            for entry in listed:
                yield _own(entry) if session_json.is_session(entry) else _of_chatgpt(entry)
    if not is_any:
        raise _unusable(path, "there are no conversations in it")


def _archived(path: Path) -> Iterator[bytes]:
    try:
        yield from archive.conversation_files(path, _LARGEST_BYTES)
    except archive.NotAnArchiveError as error:
        raise _unusable(path, str(error)) from error
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise _unusable(path, error.strerror or type(error).__name__) from error


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
    origin = f"gptoss:{session.info.id or _digest(session)}"
    return Found(session, origin, +Counter({NOT_UNDERSTOOD: unusable}))


def _digest(session: StoredSession) -> str:
    """Return what tells a session without an id from others."""
    return hashlib.sha256(session_json.dump(session).encode()).hexdigest()


def _of_chatgpt(plain: Any) -> Found | str:
    found = chatgpt.conversation_of(plain) if chatgpt.is_conversation(plain) else None
    return NOT_UNDERSTOOD if found is None else found


def _json(path: Path, content: bytes) -> object:
    try:
        return json.loads(content.decode("utf-8-sig", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise _unusable(path, "it is no JSON") from error


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} cannot be imported: {why}.", hint=_HINT)
