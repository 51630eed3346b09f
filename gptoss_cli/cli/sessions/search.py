"""``gptoss sessions search``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json
from gptoss_cli.cli.sessions.keeping import NONE_YET, kept, local_minute, shown_title, utc
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gptoss_cli.sessions.search import SearchHit
    from gptoss_cli.ui.cells import Row
    from gptoss_cli.ui.terminal import Environment


def search(
    text: Annotated[
        list[str],
        typer.Argument(metavar="TEXT...", help="Words of one message or title; all must occur."),
    ],
    thinking: Annotated[
        bool, typer.Option("--thinking", help="Also in what the model thought.")
    ] = False,
    limit: Annotated[
        int, typer.Option("-n", "--limit", metavar="N", min=1, help="At most so many.")
    ] = 20,
    json: Json = False,
) -> Task:
    """Search the conversations. A word is found by its beginning, Hangul anywhere."""
    return lambda: _search(" ".join(text), thinking=thinking, limit=limit, json=json)


def _search(text: str, *, thinking: bool, limit: int, json: bool) -> int:
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.sessions.naming import short_ids
    from gptoss_cli.ui.listing import separated
    from gptoss_cli.ui.say import say

    with kept() as store:
        hits = store.search(text, thinking=thinking, limit=limit) if store else []
        ids = short_ids(store.sessions() if store and hits else [])
    if json:
        emit_json({"hits": [_facts(hit, ids) for hit in hits]})
        return ExitCode.OK
    if not hits:
        say("nothing was found." if store else NONE_YET)
        return ExitCode.OK
    screen = environment()
    if screen.stdout_tty:
        _print(hits, ids, screen)
        return ExitCode.OK
    plain = [
        (info.id, info.title, utc(info.changed_s), _place(hit), hit.snippet.text)
        for hit in hits
        for info in [hit.session]
    ]
    sys.stdout.write("\n".join(separated(plain)) + "\n")
    return ExitCode.OK


def _place(hit: SearchHit) -> str:
    """Return where something was found, in a word."""
    if hit.message_id is None:
        return "title"
    return "thinking" if hit.is_thinking else "message"


def _print(hits: Sequence[SearchHit], ids: Mapping[str, str], screen: Environment) -> None:
    """Print two lines for each hit, one where the title is what was found."""
    from gptoss_cli.ui import theme
    from gptoss_cli.ui.cells import clip, wrap
    from gptoss_cli.ui.listing import cut
    from gptoss_cli.ui.sanitize import sanitize_line

    look = theme.Theme(screen.stdout_paint, unicode=screen.stdout_unicode)
    columns = screen.size()[0]
    for hit in hits:
        own_id = ids.get(hit.session.id, hit.session.id)
        about = f"{own_id}  {local_minute(hit.session.changed_s)[:10]}  "
        head: Row = [(about, theme.FAINT)]
        rows: list[Row] = []
        if hit.message_id is None:
            head += _marked(hit)
        else:
            title = sanitize_line(shown_title(hit.session))
            room = max(columns - len(about), 1)
            head.append((cut(title, room, ellipsis=look.ellipsis), theme.PLAIN))
            found = _marked(hit)
            if hit.is_thinking:
                found.insert(0, ("thinking: ", theme.FAINT))
            rows = [[("  ", theme.PLAIN), *row] for row in wrap(found, max(columns - 3, 1))]
        for row in (clip(head, columns), *rows):
            screen.stdout.write(look.paint_row(row) + "\n")


def _marked(hit: SearchHit) -> Row:
    """Return the text around what was found, which is strong."""
    from gptoss_cli.ui import theme
    from gptoss_cli.ui.sanitize import sanitize

    snippet = hit.snippet
    parts = (
        (snippet.text[: snippet.start], theme.PLAIN),
        (snippet.text[snippet.start : snippet.end], theme.STRONG),
        (snippet.text[snippet.end :], theme.PLAIN),
    )
    return [(sanitize(text), style) for text, style in parts if text]


def _facts(hit: SearchHit, ids: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": hit.session.id,
        "short_id": ids.get(hit.session.id, hit.session.id),
        "title": hit.session.title,
        "model": hit.session.model,
        "changed": utc(hit.session.changed_s),
        "where": _place(hit),
        "snippet": hit.snippet.text,
        "start": hit.snippet.start,
        "end": hit.snippet.end,
    }
