"""``gptoss cache clear``."""

from __future__ import annotations

from gptoss_cli.cli.cache.place import kept_states
from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode


def clear() -> Task:
    """Remove all of it. Nothing is lost but time: the next answers begin slower."""
    return _clear


def _clear() -> int:
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import size

    count, freed = kept_states().clear()
    what = "1 state" if count == 1 else f"{count:,} states"
    say(f"{what} removed, {size(freed)} became free." if freed else "there is nothing to remove.")
    return ExitCode.OK
