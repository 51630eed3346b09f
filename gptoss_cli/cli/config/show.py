"""``gptoss config show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gptoss_cli.cli.options import Profile, Task
from gptoss_cli.cli.output import Json, emit_json, print_list
from gptoss_cli.errors import ExitCode

if TYPE_CHECKING:
    from gptoss_cli.config.precedence import Configuration, Setting


def show(
    origin: Annotated[
        bool, typer.Option("--origin", help="Also where each value comes from.")
    ] = False,
    json: Json = False,
    profile: Profile = None,
) -> Task:
    """Show what is set, and what is not: all keys with the values that count."""
    return lambda: show_all(origin=origin, json=json, profile=profile)


def show_all(*, origin: bool = False, json: bool = False, profile: str | None = None) -> int:
    """Print all keys with their values and return the exit code."""
    from gptoss_cli.cli.config.source import configured
    from gptoss_cli.ui.listing import Column

    here = configured(profile)
    settings = list(here.settings.values())
    if json:
        path = None if here.file.path is None else str(here.file.path)
        rows = [_plain(here, setting) for setting in settings]
        emit_json({"path": path, "profile": here.profile, "settings": rows})
        return ExitCode.OK
    columns = [Column("KEY"), Column("VALUE", least=12)]
    cells = [[s.key.full_name, s.key.kind.spelled(s.value)] for s in settings]
    if origin:
        columns.append(Column("FROM", rank=1))
        for row, setting in zip(cells, settings, strict=True):
            row.append(_origin(here, setting))
    print_list(columns, cells, cells, if_empty="")
    return ExitCode.OK


def _plain(here: Configuration, setting: Setting) -> dict[str, Any]:
    from gptoss_cli.config.precedence import Origin

    by_variable = setting.origin is Origin.ENVIRONMENT
    return {
        "key": setting.key.full_name,
        "value": setting.value,
        "origin": setting.origin.value,
        "line": here.file.line(setting.path) if setting.path else None,
        "variable": setting.key.variable if by_variable else None,
    }


def _origin(here: Configuration, setting: Setting) -> str:
    from gptoss_cli.config.precedence import Origin

    match setting.origin:
        case Origin.ENVIRONMENT:
            return setting.key.variable
        case Origin.PROFILE:
            return f"profile {here.profile}, {here.file.place(setting.path)}"
        case Origin.FILE:
            return here.file.place(setting.path)
        case _:
            return setting.origin.value
