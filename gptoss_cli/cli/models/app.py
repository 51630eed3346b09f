"""The commands of ``gptoss models``; what each does is in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import typer

from gptoss_cli.cli.lazy import Command, app_of

COMMANDS: Final[Mapping[str, Command]] = {
    "ls": Command(
        "gptoss_cli.cli.models.ls:ls",
        "Show the models that are here, and downloads that were not finished.",
    ),
    "search": Command(
        "gptoss_cli.cli.models.search:search",
        "Search the hub for gpt-oss models in GGUF, the most downloaded first.",
    ),
    "show": Command(
        "gptoss_cli.cli.models.show:show",
        "Show what a model is and whether it fits, from its header; also one not downloaded.",
    ),
    "pull": Command(
        "gptoss_cli.cli.models.pull:pull",
        "Download a model, or go on with a download, and check it.",
    ),
    "use": Command(
        "gptoss_cli.cli.models.use:use",
        "Choose the model that run and chat take when none is named.",
    ),
    "verify": Command(
        "gptoss_cli.cli.models.verifying:verify",
        "Read all files of a model and compare them with the digests the hub gave them.",
    ),
    "import": Command(
        "gptoss_cli.cli.models.importing:import_",
        "Give a GGUF file of your own a name. It is used where it lies, unless --link or --copy.",
    ),
    "rm": Command(
        "gptoss_cli.cli.models.rm:rm",
        "Remove models, and what of their downloads was not finished.",
    ),
    "path": Command(
        "gptoss_cli.cli.models.path:path", "Print where the file of a model is, for scripts."
    ),
    "df": Command(
        "gptoss_cli.cli.models.df:df",
        "Show what models and unfinished downloads take on the disk.",
    ),
}


def _alone(_ctx: typer.Context) -> Callable[[], int]:
    # Bare "gptoss models" is the question what there is.
    from gptoss_cli.cli.models.ls import ls

    return ls()


app = app_of("models", COMMANDS, "Find, download, check, keep and remove models.", _alone)
