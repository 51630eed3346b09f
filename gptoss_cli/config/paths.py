"""The folders of this user, by the conventions of the platform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import PlatformDirs

CONFIG_VARIABLE: Final = "GPTOSS_CONFIG"
"""Names another file than that of the user."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things of this user are kept.

    ``state``: what can be lost without harm (history of input, reports of defects). ``data``: what
    a person arranged and keeps (the default model, imported models, conversations). ``config``:
    what a person writes. ``cache``: what can be computed again.
    """

    state: Path
    data: Path
    config: Path
    cache: Path

    @property
    def kv_states(self) -> Path:
        """What was computed of prompts."""
        return self.cache / "kv"

    @property
    def input_history(self) -> Path:
        """What was typed at the chat's prompt."""
        return self.state / "history"

    @property
    def config_file(self) -> Path | None:
        """What is set; None for a user who has no home."""
        return self.config / "config.toml" if self.config.is_absolute() else None

    @property
    def templates(self) -> Path:
        """The person's own templates."""
        return self.config / "templates"

    @property
    def sessions(self) -> Path:
        """The store of conversations."""
        return self.data / "sessions.db"


def user_paths() -> Paths:
    """Return the folders of the present user; nothing is made on disk."""
    folders = PlatformDirs("gptoss", appauthor=False)
    return Paths(
        state=folders.user_state_path,
        data=folders.user_data_path,
        config=folders.user_config_path,
        cache=folders.user_cache_path,
    )


def make_private_folder(path: Path) -> bool:
    """Make `path` and its parents, for this user only; False when that is not possible.

    A user without a home has a path that begins with ~ and would lie in the present folder.
    """
    if not path.is_absolute():
        return False
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return True
