"""``gptoss templates``: what there is, and how one looks."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.output import Json
from gptoss_cli.cli.templates.completion import template_names
from gptoss_cli.errors import ExitCode, UsageError


def templates(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="Print this one, to read it or to make your own of it.",
            autocompletion=template_names,
        ),
    ] = None,
    json: Json = False,
) -> Task:
    """List the templates of gptoss run --template, or print one."""
    if name is not None and json:
        raise UsageError("--json lists all templates.", hint="gptoss templates --json")
    if name is not None:
        return lambda: _show(name)
    return lambda: _list(json=json)


def _show(name: str) -> int:
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.config.templates import load_template
    from gptoss_cli.ui.sanitize import sanitize

    text = load_template(name, user_paths().templates).path.read_text(encoding="utf-8-sig")
    sys.stdout.write(sanitize(text) if sys.stdout.isatty() else text)
    return ExitCode.OK


def _list(*, json: bool) -> int:
    from gptoss_cli.cli.output import emit_json, print_list
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.config.templates import all_templates
    from gptoss_cli.ui.listing import Column
    from gptoss_cli.ui.sanitize import sanitize_line

    found: list[tuple[str, str, list[str], str | None]] = []
    for name, template in all_templates(user_paths().templates):
        if isinstance(template, UsageError):
            found.append((name, f"cannot be used: {template}", [], None))
        else:
            places = list(template.parameters)
            found.append((name, template.description, places, str(template.path)))
    if json:
        keys = ("name", "description", "parameters", "path")
        emit_json({"templates": [dict(zip(keys, row, strict=True)) for row in found]})
        return ExitCode.OK
    rows = [
        [sanitize_line(text) for text in (name, description, " ".join(places))]
        for name, description, places, _ in found
    ]
    columns = [Column("NAME"), Column("DOES"), Column("PARAMETERS")]
    print_list(columns, rows, rows, if_empty="there are no templates.")
    return ExitCode.OK
