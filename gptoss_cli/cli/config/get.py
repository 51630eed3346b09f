"""``gptoss config get``."""

from __future__ import annotations

import sys

from gptoss_cli.cli.config.naming import Name, meant
from gptoss_cli.cli.options import Profile, Task
from gptoss_cli.errors import ExitCode


def get(key: Name, profile: Profile = None) -> Task:
    """Print the value of a key that counts, for scripts."""
    return lambda: _get(key, profile)


def _get(name: str, profile: str | None) -> int:
    from gptoss_cli.cli.config.source import configured
    from gptoss_cli.config.file import PROFILES
    from gptoss_cli.config.precedence import Origin
    from gptoss_cli.errors import GptossError
    from gptoss_cli.ui.sanitize import sanitize

    key, path = meant(name)
    if path[0] == PROFILES:
        setting = configured(path[1])[key.name]
        value = setting.value
        if setting.origin is not Origin.PROFILE:
            raise GptossError(
                f"the profile {path[1]} does not set {key.full_name}.",
                hint=f"gptoss config get {key.full_name} --profile {path[1]}",
            )
    else:
        value = configured(profile)[key.name].value
    text = key.kind.spelled(value)
    sys.stdout.write((sanitize(text) if sys.stdout.isatty() else text) + "\n")
    return ExitCode.OK
