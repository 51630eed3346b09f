"""``gptoss models search``."""

from __future__ import annotations

from typing import Annotated

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json, print_list
from gptoss_cli.errors import ExitCode


def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Without one, all gpt-oss.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="At most so many.")] = 20,
    json: Json = False,
) -> Task:
    """Search the hub for gpt-oss models in GGUF, the most downloaded first."""
    return lambda: _search(" ".join(words or []), limit, json=json)


def _search(words: str, limit: int, *, json: bool) -> int:
    from gptoss_cli.cli.models.shelf import shelf

    settings = shelf().settings
    settings.require_address()
    from gptoss_cli.models.hub.repositories import search
    from gptoss_cli.models.names import HubModel
    from gptoss_cli.ui.listing import Column

    found = search(words, settings, limit=limit)
    if json:
        facts = [
            {
                "name": HubModel(entry.repo_id).short,
                "repo_id": entry.repo_id,
                "downloads": entry.downloads,
                "likes": entry.likes,
                "gated": entry.gated,
                "modified": entry.modified,
            }
            for entry in found
        ]
        emit_json({"repositories": facts})
        return ExitCode.OK
    columns = [
        Column("NAME"),
        Column("DOWNLOADS", right=True),
        Column("LIKES", right=True, rank=2),
        Column("CHANGED", rank=1),
    ]
    rows = [
        (
            HubModel(entry.repo_id).short + (" (gated)" if entry.gated else ""),
            f"{entry.downloads:,}",
            f"{entry.likes:,}",
            entry.modified or "",
        )
        for entry in found
    ]
    plain = [
        (entry.repo_id, str(entry.downloads), str(entry.likes), entry.modified or "")
        for entry in found
    ]
    print_list(columns, rows, plain, if_empty="the hub has no gpt-oss model in GGUF like that.")
    return ExitCode.OK
