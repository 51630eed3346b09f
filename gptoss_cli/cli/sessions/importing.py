"""``gptoss sessions import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json, emit_json
from gptoss_cli.cli.sessions.keeping import opened
from gptoss_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gptoss_cli.sessions.imports import ImportResult


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="json of export, ChatGPT's zip or json, logs.db of llm."
        ),
    ],
    json: Json = False,
) -> Task:
    """Take in conversations from elsewhere. A file may come again: only what is new is added."""
    return lambda: _import(files, json=json)


def _import(files: list[Path], *, json: bool) -> int:
    from gptoss_cli.sessions.imports import import_file
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import error

    told: list[dict[str, Any]] = []
    code = ExitCode.OK
    with opened() as store:
        for file in files:
            try:
                result = import_file(store, file)
            except UsageError as problem:  # the others come all the same
                say(error(str(problem), problem.hint))
                code = problem.exit_code
                told.append(_facts(file, None, str(problem)))
            else:
                say("\n".join(_lines(sanitize_line(str(file)), result)))
                told.append(_facts(file, result, None))
    if json:
        emit_json({"files": told})
    return code


def _lines(name: str, result: ImportResult) -> list[str]:
    """Return what came of a file, in sentences."""
    new, grown = len(result.session_ids), len(result.grown_ids)
    lines = [f"{name}: {_count(new, 'conversation')}, {_count(result.messages, 'message')} came."]
    if grown:
        lines.append(f"  {grown:,} of those here went on, and have the new messages now.")
    if result.known_sessions:
        lines.append(f"  {_count(result.known_sessions, 'conversation')} with nothing new.")
    lines += [f"  skipped, {why}: {count:,}" for why, count in result.skipped.items()]
    return lines


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _facts(file: Path, result: ImportResult | None, problem: str | None) -> dict[str, Any]:
    return {
        "path": str(file),
        "imported": list(result.session_ids) if result else [],
        "grown": list(result.grown_ids) if result else [],
        "messages": result.messages if result else 0,
        "known": result.known_sessions if result else 0,
        "skipped": dict(result.skipped) if result else {},
        "error": problem,
    }
