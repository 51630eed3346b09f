"""``gptoss sessions ls``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json, print_list
from gptoss_cli.cli.sessions.keeping import NONE_YET, kept, local_minute, shown_title, utc
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gptoss_cli.sessions.records import SessionInfo

_ON_A_SCREEN: Final = 20


def ls(
    limit: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--limit",
            metavar="N",
            min=1,
            help="At most so many (20 at a terminal, else all).",
        ),
    ] = None,
    json: Json = False,
) -> Task:
    """Show the conversations that are kept, the newest first. ID is the end of the id."""
    return lambda: _ls(limit, json=json)


def _ls(limit: int | None, *, json: bool) -> int:
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.sessions.naming import short_ids
    from gptoss_cli.ui.say import say

    with kept() as store:
        sessions = store.sessions() if store else []
    ids = short_ids(sessions)
    is_cut = limit is None and not json and environment().stdout_tty
    shown = sessions[: _ON_A_SCREEN if is_cut else limit]
    if json:
        emit_json({"sessions": [_facts(info, ids[info.id]) for info in shown]})
        return ExitCode.OK
    _print(shown, ids)
    if is_cut and len(shown) < len(sessions):
        say(f"{len(sessions) - len(shown):,} older: gptoss sessions ls -n {len(sessions)}")
    return ExitCode.OK


def _print(shown: Sequence[SessionInfo], ids: Mapping[str, str]) -> None:
    from gptoss_cli.ui.listing import Column

    columns = [
        Column("ID"),
        Column("TITLE", least=16),
        Column("MODEL", rank=3),
        Column("MESSAGES", right=True, rank=2),
        Column("CHANGED", rank=1),
    ]
    print_list(
        columns,
        [
            (
                ids[info.id],
                shown_title(info),
                info.model,
                f"{info.message_count:,}",
                local_minute(info.changed_s),
            )
            for info in shown
        ],
        [
            (info.id, info.title, info.model, str(info.message_count), utc(info.changed_s))
            for info in shown
        ],
        if_empty=NONE_YET,
    )


def _facts(info: SessionInfo, short_id: str) -> dict[str, Any]:
    return {
        "id": info.id,
        "short_id": short_id,
        "title": info.title,
        "model": info.model,
        "messages": info.message_count,
        "created": utc(info.created_s),
        "changed": utc(info.changed_s),
    }
