"""``gptoss cache ls``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gptoss_cli.cli.cache.place import kept_states
from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json, print_list
from gptoss_cli.cli.sessions.keeping import local_minute, utc
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from gptoss_cli.engine.kv_store import Entry


def ls(json: Json = False) -> Task:
    """Show what is kept, the last used first: beginnings that prompts share, and conversations."""
    return lambda: _ls(json=json)


def _ls(*, json: bool) -> int:
    from gptoss_cli.config.paths import user_paths

    entries = kept_states().entries()
    if json:
        states = [_facts(entry) for entry in entries]
        emit_json({"path": str(user_paths().kv_states), "states": states})
    else:
        _print(entries)
    return ExitCode.OK


def _print(entries: list[Entry]) -> None:
    from gptoss_cli.ui.listing import Column
    from gptoss_cli.ui.status import size

    columns = [
        Column("OF", least=16),
        Column("MODEL", rank=2),
        Column("TOKENS", right=True, rank=1),
        Column("SIZE", right=True),
        Column("USED", rank=3),
    ]
    print_list(
        columns,
        [
            (
                entry.header.origin.session or "beginning of prompts",
                entry.header.origin.model,
                f"{entry.header.n_tokens:,}",
                size(entry.size_bytes),
                local_minute(entry.used_s),
            )
            for entry in entries
        ],
        [
            (
                entry.header.origin.session,
                entry.header.origin.model,
                str(entry.header.n_tokens),
                str(entry.size_bytes),
                utc(entry.used_s),
            )
            for entry in entries
        ],
        if_empty="nothing is kept yet.",
    )


def _facts(entry: Entry) -> dict[str, Any]:
    origin = entry.header.origin
    return {
        "kind": "conversation" if origin.session else "beginning",
        "session": origin.session or None,
        "model": origin.model,
        "tokens": entry.header.n_tokens,
        "size_bytes": entry.size_bytes,
        "used": utc(entry.used_s),
        "path": str(entry.path),
    }
