"""Where the commands find what is set: the environment and the file it names, read once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gptoss_cli.config.paths import CONFIG_VARIABLE, user_paths

if TYPE_CHECKING:
    from gptoss_cli.config.file import ConfigFile
    from gptoss_cli.config.precedence import Configuration


def config_path() -> Path | None:
    """Return where the file is, or would be; None for a user who has neither home nor variable."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(os.path.expanduser(named))  # noqa: PTH111 - never raises, whatever the name
    return user_paths().config_file


def config_file() -> ConfigFile:
    """Read the file. Raises ConfigError when it cannot be used."""
    from gptoss_cli.config.file import read_config

    return read_config(config_path())


def configured(profile: str | None = None) -> Configuration:
    """Return what is set outside of the command line, with `profile` where one is named.

    Raises ConfigError when something is set that cannot be.
    """
    from gptoss_cli.config.precedence import configuration

    return configuration(config_file(), os.environ, profile)
