"""Commands that take something out of the conversation: to a file, the clipboard, the screen."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.messages import Channel
from gptoss_cli.repl.clipboard import copy_sequence, system_copy
from gptoss_cli.repl.commands.base import Command, Completes, number_of, plural, turn_of
from gptoss_cli.repl.dialogue import Dialogue
from gptoss_cli.sessions.export import ExportFormat, export
from gptoss_cli.sessions.fences import parts
from gptoss_cli.sessions.private_file import write_private
from gptoss_cli.sessions.records import SessionInfo, StoredSession
from gptoss_cli.ui import status

if TYPE_CHECKING:
    from gptoss_cli.chat.tree import Turn
    from gptoss_cli.engine.base import Cancel

_NOT_IN_NAMES: Final = re.compile(r"[^\w.-]+")
_LONGEST_NAME: Final = 40


def as_session(dialogue: Dialogue) -> StoredSession:
    """Return the conversation as a session, whether or not it is kept."""
    chat = dialogue.chat
    messages = tuple(chat.tree)
    times_s = [stored.created_s for stored in messages]
    info = SessionInfo(
        id=chat.keeper.session_id or "",
        title=dialogue.status.title,
        title_is_own=dialogue.title_is_own,
        created_s=min(times_s, default=0.0),
        changed_s=max(times_s, default=0.0),
        model=chat.settings.model,
        message_count=len(messages),
    )
    return StoredSession(info, chat.settings.record(), messages, chat.tree.head_id)


def _export(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    thinking = "--thinking" in text
    words = text.replace("--thinking", " ").split(maxsplit=1)
    forms = [form.value for form in ExportFormat]
    if not words or words[0] not in forms:
        raise UsageError("export as what?", hint=f"/export {'|'.join(forms)} [FILE] [--thinking]")
    if not len(dialogue.chat.tree):
        raise UsageError("nothing has been said yet.")
    form = ExportFormat(words[0])
    content = export(as_session(dialogue), form, thinking=thinking)
    if len(words) > 1:
        path = dialogue.services.path(words[1].strip())
    else:
        stem = _NOT_IN_NAMES.sub("-", dialogue.status.title)[:_LONGEST_NAME].strip("-.")
        path = _free(dialogue.services.path(f"{stem or 'conversation'}.{form}"))
    _write_new(path, content)
    dialogue.front.say(f"written to {path}")


def _free(path: Path) -> Path:
    """Return `path`, numbered if there is a file of that name."""
    number = 1
    free = path
    while os.path.lexists(free):
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    return free


def _write_new(path: Path, content: str) -> None:
    """Write `content` to a file that is not there yet. Raises GptossError."""
    try:
        write_private(path, content)
    except UsageError as error:
        error.hint = "another name"
        raise
    except GptossError as error:
        error.hint = ""
        raise
    except ValueError:  # a NUL
        raise UsageError("that is no name of a file.") from None


def _answer(turn: Turn) -> str:
    texts = [m.message.content for m in turn.answer if m.message.channel is Channel.FINAL]
    if not texts:
        raise UsageError(f"turn {turn.number} has no answer.")
    return texts[-1]


def _code(dialogue: Dialogue, text: str) -> str:
    """Return code block number `text` of the last answer, the last one if it is empty."""
    blocks = [part.text for part in parts(_answer(turn_of(dialogue, ""))) if part.is_code]
    number = number_of(text or str(len(blocks)), len(blocks), "code block")
    return blocks[number - 1]


def _copy(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    word, _, rest = text.partition(" ")
    is_code = word == "code"
    content = _code(dialogue, rest.strip()) if is_code else _answer(turn_of(dialogue, text))
    size = plural(len(content), "character")
    if not dialogue.services.is_remote and system_copy(content):
        dialogue.front.say(f"{size} copied.")
        return
    dialogue.front.write_raw(copy_sequence(content))
    dialogue.front.say(f"{size} given to the terminal to copy, if it allows that (OSC 52).")


def _save(dialogue: Dialogue, text: str, _cancel: Cancel) -> None:
    words = text.split(maxsplit=2)
    if len(words) >= 2 and words[0] == "code":
        number, name = (words[1], words[2]) if len(words) == 3 else ("", words[1])
        content = _code(dialogue, number)
    elif text and text != "code":
        name, content = text, _answer(turn_of(dialogue, ""))
    else:
        raise UsageError("save what?", hint="/save code [N] FILE, or /save FILE for the answer")
    path = dialogue.services.path(name)
    _write_new(path, content if content.endswith("\n") else content + "\n")
    dialogue.front.say(f"written to {path}")


def _stats(dialogue: Dialogue, _text: str, _cancel: Cancel) -> None:
    last = dialogue.chat.last
    if last is None:
        raise UsageError("there is no answer yet.")
    usage, timings = last.usage, last.timings
    cached, read = usage.cached_tokens, usage.prompt_tokens - usage.cached_tokens
    lines = [
        f"answer    {status.tokens(usage.completion_tokens)}",
        f"thinking  {status.tokens(usage.reasoning_tokens)}, {status.seconds(timings.reasoning_s)}",
        f"prompt    {status.tokens(usage.prompt_tokens)}, {cached:,} cached, {read:,} read",
        f"waited    {status.seconds(timings.ttft_s)} for the first word",
        f"took      {status.seconds(timings.total_s)}",
        f"reads     {timings.prefill_tps:,.1f} tok/s",
        f"writes    {timings.decode_tps:,.1f} tok/s",
        f"weights   {dialogue.weights}",
        f"ended by  {last.reason.value}",
    ]
    usages = [stored.usage for stored in dialogue.chat.tree if stored.usage]
    total = round(sum(usage.get("completion_tokens", 0) for usage in usages))
    lines.append(f"all       {status.tokens(total)} written in this conversation")
    dialogue.front.say("\n".join(lines))


COMMANDS = (
    Command(
        name="copy",
        arguments="[N|code [N]]",
        does="copy the answer of turn N, or code block N",
        run=_copy,
        completes=Completes.WORD,
        words=("code",),
    ),
    Command(
        name="save",
        arguments="[code [N]] FILE",
        does="write the last answer, or code block N of it, to a file",
        run=_save,
        completes=Completes.WORD,
        words=("code",),
    ),
    Command(
        name="export",
        arguments="md|html|json|txt [FILE] [--thinking]",
        does="write the conversation to a file",
        run=_export,
        completes=Completes.WORD,
        words=[form.value for form in ExportFormat],
    ),
    Command(name="stats", does="figures of the last answer", run=_stats),
)
