"""``gptoss models path``."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from gptoss_cli.cli.models.completion import names_to_run
from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode, NoModelError


def path(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="Without one, the default model.", autocompletion=names_to_run
        ),
    ] = None,
) -> Task:
    """Print where the file of a model is, for scripts."""
    return lambda: _path(model)


def _path(name: str | None) -> int:
    from gptoss_cli.cli.models.shelf import shelf

    found = shelf().registry.resolve(name)
    if not os.path.exists(found):  # noqa: PTH110  never raises, whatever the name
        raise NoModelError(f"there is no file {found}.", hint="gptoss models ls")
    # The bytes of the name, whatever the locale: what is printed must lead to the file.
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(found) + b"\n")
    return ExitCode.OK
