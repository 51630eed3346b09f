"""``gptoss sessions show``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json
from gptoss_cli.cli.sessions.finding import Session, Thinking, the_session
from gptoss_cli.cli.sessions.keeping import kept
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from gptoss_cli.sessions.records import StoredSession
    from gptoss_cli.ui.terminal import Environment


def show(session: Session, thinking: Thinking = False, json: Json = False) -> Task:
    """Show a conversation. With --json all of its branches, as export writes them."""
    return lambda: _show(session, thinking=thinking, json=json)


def _show(name: str, *, thinking: bool, json: bool) -> int:
    from gptoss_cli.cli.sessions.export import put
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.sessions.export import ExportFormat, export

    options = ["--thinking"] * thinking + ["--json"] * json
    with kept() as store:
        info = the_session(store, name, lambda own_id: ["show", own_id, *options])
        assert store is not None
        session = store.load(info.id)
    if json:
        put(export(session, ExportFormat.JSON, thinking=thinking))
        return ExitCode.OK
    screen = environment()
    if screen.stdout_tty:
        _render(session if thinking else session.without_thinking(), screen)
    else:
        sys.stdout.write(export(session, ExportFormat.TEXT, thinking=thinking))
    return ExitCode.OK


def _render(session: StoredSession, screen: Environment) -> None:
    """Print what was said from the root to the head, answers as Markdown."""
    from gptoss_cli.sessions.export import Kind, about_line, passages, title_line
    from gptoss_cli.ui import theme
    from gptoss_cli.ui.area import Output
    from gptoss_cli.ui.plain import RowsAnswer
    from gptoss_cli.ui.sanitize import sanitize

    look = theme.Theme(screen.stdout_paint, unicode=screen.stdout_unicode)
    output = Output(screen.stdout)

    def line(text: str, style: int) -> None:
        rows = sanitize(text).split("\n")
        output.write("".join(look.paint_text(row, style) + "\n" for row in rows))

    line(title_line(session), theme.TITLE)
    line(about_line(session), theme.FAINT)
    for passage in passages(session):
        line("", theme.PLAIN)
        line(passage.heading, theme.HEADING)
        if passage.kind is Kind.ANSWER:
            answer = RowsAnswer(output, lambda: max(screen.size()[0] - 1, 8), look)
            answer.add(passage.text)
            answer.end()
        else:
            is_thinking = passage.kind is Kind.THINKING
            line(passage.text.rstrip("\n"), theme.FAINT if is_thinking else theme.PLAIN)
