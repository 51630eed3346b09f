"""What a person is offered who begins a chat and has no model yet."""

from __future__ import annotations

import sys
from typing import Final

from gptoss_cli.cli.output import ask
from gptoss_cli.errors import GptossError

_FIRST: Final = "20b"
_DEMO: Final = "demo"


def nothing_is_installed() -> bool:
    """Whether there is no model but the one in the program."""
    from gptoss_cli.cli.models.shelf import shelf

    here = shelf()
    return here.library.read().default is None and not here.registry.installed()


def offered_model() -> str | None:
    """Return the name of the model to begin with, downloaded if that was the answer.

    None when the person wants neither the download nor the small model of the program.
    Raises DownloadError and its kinds when the download fails.
    """
    from gptoss_cli.cli.models.pull import assessed_remote, fetch, planned, print_card
    from gptoss_cli.cli.models.shelf import shelf
    from gptoss_cli.models.preflight import Verdict
    from gptoss_cli.ui.say import say

    here = shelf()
    say("no model is installed yet.")
    try:
        plan = planned(here.hub_model(_FIRST, "download"), here)
        preflight, placement = assessed_remote(plan, here)
        print_card(sys.stderr, plan, preflight, placement)
        plan.require_room()
    except GptossError as error:
        say(f"{_FIRST} cannot be downloaded now: {error}")
        question, choices, default = "Try the small model of the program? [Y/n]", "yn", "y"
        return _DEMO if ask(question, choices, default) == "y" else None
    if preflight.verdict is Verdict.DOES_NOT_FIT:
        question, default = "Download? [y/n], or d for the small model of the program [D]:", "d"
    else:
        question, default = "Download? [Y/n], or d for the small model of the program:", "y"
    match ask(question, "ynd", default):
        case "y":
            fetch(plan, here)
            return _FIRST
        case "d":
            return _DEMO
        case _:
            return None
