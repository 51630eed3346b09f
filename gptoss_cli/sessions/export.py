"""One session as a file for other programs and for people.

JSON holds the whole tree (``sessions.session_json``); the others hold what is said from the root
to the head. All are valid UTF-8. In Markdown, text and HTML, control characters are shown (``␛``),
never written: the files are read in terminals, too. Times are UTC.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final

from gptoss_cli.characters import OBEYED, with_shown
from gptoss_cli.messages import Channel, Role
from gptoss_cli.sessions import fences, session_json
from gptoss_cli.sessions.records import MessageState, StoredMessage, StoredSession, moment

_MARKDOWN_SIGNS: Final = re.compile(r"([\\`*_{}\[\]<>#|~&!$])")
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


class Kind(Enum):
    """What a passage is: an answer, which is Markdown; thinking; or written as it stands."""

    ANSWER = auto()
    THINKING = auto()
    WRITTEN = auto()


@dataclass(frozen=True, slots=True)
class Passage:
    """What somebody said, and on one line who; controls are shown in both."""

    heading: str
    text: str
    kind: Kind


def export(session: StoredSession, form: ExportFormat, *, thinking: bool = False) -> str:
    """Return `session` in `form`, with the analysis channel only if `thinking`."""
    return _WRITERS[form](session if thinking else session.without_thinking())


def title_line(session: StoredSession) -> str:
    """Return the title on one line, controls shown."""
    return _line(session.info.title) or "Untitled"


def about_line(session: StoredSession) -> str:
    """Return model, effort and beginning on one line, controls shown."""
    created = f"{moment(session.info.created_s):%Y-%m-%d %H:%M} UTC"
    return " · ".join(
        filter(None, map(_line, (session.info.model, session.settings.effort, created)))
    )


def passages(session: StoredSession) -> Iterator[Passage]:
    """Yield the instructions and what was said from the root to the head."""
    if session.settings.instructions:
        yield Passage("Instructions", _visible(session.settings.instructions), Kind.WRITTEN)
    for stored in session.path():
        yield Passage(_heading(stored), _visible(stored.message.content), _kind(stored))


def _markdown(session: StoredSession) -> str:
    blocks = [f"# {_unmarked(title_line(session))}", _unmarked(about_line(session))]
    for passage in passages(session):
        # An answer is Markdown already; whatever else there is was not written as Markdown.
        is_answer = passage.kind is Kind.ANSWER
        body = fences.closed(passage.text) if is_answer else fences.fenced(passage.text)
        blocks += [f"## {_unmarked(passage.heading)}", body]
    return "\n\n".join(blocks) + "\n"


def _unmarked(line: str) -> str:
    """Return Markdown that shows `line` literally."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", line)


def _text(session: StoredSession) -> str:
    blocks = [f"{title_line(session)}\n{about_line(session)}"]
    blocks += [f"[{passage.heading}]\n{passage.text}" for passage in passages(session)]
    return "\n\n".join(blocks) + "\n"


def _html(session: StoredSession) -> str:
    return _PAGE.format(
        title=html.escape(title_line(session)),
        about=html.escape(about_line(session)),
        messages="\n".join(_section(p.heading, _html_body(p)) for p in passages(session)),
    )


def _html_body(passage: Passage) -> str:
    if passage.kind is not Kind.ANSWER:
        return _prose(passage.text)
    return "\n".join(
        f"<pre>\n{html.escape(part.text)}</pre>" if part.is_code else _prose(part.text.strip("\n"))
        for part in fences.parts(passage.text)
    )


def _section(heading: str, body: str) -> str:
    return f"<section>\n<h2>{html.escape(heading)}</h2>\n{body}\n</section>"


def _prose(text: str) -> str:
    return f'<div class="text">{html.escape(text)}</div>'


_WRITERS: Final[dict[ExportFormat, Callable[[StoredSession], str]]] = {
    ExportFormat.MARKDOWN: _markdown,
    ExportFormat.JSON: session_json.dump,
    ExportFormat.TEXT: _text,
    ExportFormat.HTML: _html,
}


def _kind(stored: StoredMessage) -> Kind:
    message = stored.message
    if message.role is not Role.ASSISTANT or message.recipient is not None:
        return Kind.WRITTEN
    return Kind.THINKING if message.channel is Channel.ANALYSIS else Kind.ANSWER


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


def _line(text: str) -> str:
    return _visible(" ".join(text.split()))


def _visible(text: str) -> str:
    return with_shown(OBEYED, text)
