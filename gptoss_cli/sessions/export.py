"""One session as a file for other programs and for people.

JSON holds the whole tree (``sessions.session_json``); the others hold what is said from the root
to the head. All are valid UTF-8. In Markdown, text and HTML, control characters are shown (``␛``),
never written: the files are read in terminals, too. Times are UTC.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from gptoss_cli.messages import Channel, Role
from gptoss_cli.sessions import fences, session_json
from gptoss_cli.sessions.records import MessageState, StoredMessage, StoredSession

# Newline and tab stay. What changes the order of reading, and lone halves of surrogate pairs, are
# shown as well.
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_MARKDOWN_SIGNS: Final = re.compile(r"([\\`*_{}\[\]<>#|~&!$])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STATES: Final = {
    MessageState.COMPLETE: "",
    MessageState.STOPPED: " (stopped)",
    MessageState.PARTIAL: " (not finished)",
}
_PAGE: Final = """\
<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.6 sans-serif; }}
h2 {{ margin: 2rem 0 .5rem; font-size: 1rem; }}
pre, .text {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
pre {{ padding: .75rem; background: #8882; }}
.note {{ opacity: .7; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p class="note">{about}</p>
{messages}
</body>
</html>
"""


class ExportFormat(StrEnum):
    """The forms of an export; the values are also the endings of their files' names."""

    MARKDOWN = "md"
    JSON = "json"
    TEXT = "txt"
    HTML = "html"


def export(session: StoredSession, form: ExportFormat, *, thinking: bool = False) -> str:
    """Return `session` in `form`, with the analysis channel only if `thinking`."""
    return _WRITERS[form](session if thinking else session.without_thinking())


def _markdown(session: StoredSession) -> str:
    blocks = [f"# {_unmarked(_title(session))}", _unmarked(_about(session))]
    if session.settings.instructions:
        blocks += ["## Instructions", fences.fenced(_visible(session.settings.instructions))]
    for stored in session.path():
        text = _visible(stored.message.content)
        # An answer is Markdown already; whatever else there is was not written as Markdown.
        body = fences.closed(text) if _is_answer(stored) else fences.fenced(text)
        blocks += [f"## {_unmarked(_heading(stored))}", body]
    return "\n\n".join(blocks) + "\n"


def _unmarked(line: str) -> str:
    """Return Markdown that shows `line` literally."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", line)


def _text(session: StoredSession) -> str:
    blocks = [f"{_title(session)}\n{_about(session)}"]
    if session.settings.instructions:
        blocks.append(f"[Instructions]\n{_visible(session.settings.instructions)}")
    blocks += [f"[{_heading(m)}]\n{_visible(m.message.content)}" for m in session.path()]
    return "\n\n".join(blocks) + "\n"


def _html(session: StoredSession) -> str:
    sections = [_section(_heading(stored), _html_body(stored)) for stored in session.path()]
    if session.settings.instructions:
        sections.insert(0, _section("Instructions", _prose(session.settings.instructions)))
    return _PAGE.format(
        title=html.escape(_title(session)),
        about=html.escape(_about(session)),
        messages="\n".join(sections),
    )


def _html_body(stored: StoredMessage) -> str:
    text = stored.message.content
    if not _is_answer(stored):
        return _prose(text)
    return "\n".join(
        f"<pre>\n{_escaped(part.text)}</pre>" if part.is_code else _prose(part.text.strip("\n"))
        for part in fences.parts(text)
    )


def _section(heading: str, body: str) -> str:
    return f"<section>\n<h2>{html.escape(heading)}</h2>\n{body}\n</section>"


def _prose(text: str) -> str:
    return f'<div class="text">{_escaped(text)}</div>'


def _escaped(text: str) -> str:
    return html.escape(_visible(text))


_WRITERS: Final[dict[ExportFormat, Callable[[StoredSession], str]]] = {
    ExportFormat.MARKDOWN: _markdown,
    ExportFormat.JSON: session_json.dump,
    ExportFormat.TEXT: _text,
    ExportFormat.HTML: _html,
}


def _is_answer(stored: StoredMessage) -> bool:
    message = stored.message
    return (
        message.role is Role.ASSISTANT
        and message.channel is not Channel.ANALYSIS
        and message.recipient is None
    )


def _heading(stored: StoredMessage) -> str:
    """Return who speaks, on one line."""
    message = stored.message
    if message.role is Role.ASSISTANT and message.recipient is not None:
        who = f"Call of {message.recipient}"
    elif message.role is Role.ASSISTANT:
        who = "Thinking" if message.channel is Channel.ANALYSIS else stored.model or "Assistant"
    elif message.role is Role.TOOL:
        who = f"Result of {message.name or 'a tool'}"
    else:
        who = "You" if message.role is Role.USER else message.role.capitalize()
    return _line(who) + _STATES[stored.state]


def _title(session: StoredSession) -> str:
    return _line(session.info.title) or "Untitled"


def _about(session: StoredSession) -> str:
    created = _EPOCH + timedelta(seconds=session.info.created_s)
    about = (session.info.model, session.settings.effort, f"{created:%Y-%m-%d %H:%M} UTC")
    return " · ".join(filter(None, map(_line, about)))


def _line(text: str) -> str:
    return _visible(" ".join(text.split()))


def _visible(text: str) -> str:
    return _CONTROLS.sub(_shown, text.replace("\r\n", "\n"))


def _shown(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"
