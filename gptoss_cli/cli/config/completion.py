"""Keys and profiles that a shell offers while one is typed."""

from __future__ import annotations

from gptoss_cli.errors import GptossError


def profiles(incomplete: str) -> list[str]:
    """Return the profiles whose names begin like that; a shell has no place for what is wrong."""
    return [name for name in _profiles() if name.startswith(incomplete)]


def keys(incomplete: str) -> list[str]:
    """Return the keys that begin like that; those of a profile once its name is begun."""
    from gptoss_cli.config.file import PROFILES
    from gptoss_cli.config.keys import KEYS

    names = [key.full_name for key in KEYS]
    if incomplete.startswith(f"{PROFILES}."):
        names = [f"{PROFILES}.{profile}.{name}" for profile in _profiles() for name in names]
    return [name for name in names if name.startswith(incomplete)]


def _profiles() -> list[str]:
    from gptoss_cli.cli.config.source import config_file
    from gptoss_cli.config.file import profile_names

    try:
        return profile_names(config_file())
    except GptossError:
        return []
