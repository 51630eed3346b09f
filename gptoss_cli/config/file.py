"""The file ``config.toml``: read once, checked, with the lines of what stands in it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gptoss_cli.errors import UsageError

PROFILES: Final = "profiles"
"""The table with a table for each profile."""
MOST_BYTES: Final = 256 * 1024
_EDIT: Final = "gptoss config edit"


class ConfigError(UsageError):
    """The configuration cannot be used as it stands."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a file says; ``path`` is None for a user who has no home and no file.

    ``tables`` are as the reader of TOML gives them, not checked yet.
    """

    path: Path | None
    text: str = ""
    tables: Mapping[str, Any] = field(default_factory=dict)

    def place(self, path: tuple[str, ...]) -> str:
        """Return ``FILE:LINE`` of what stands at `path`, the line only where it can be told."""
        line = self.line(path)
        return f"{self.path}:{line}" if line else str(self.path)

    def line(self, path: tuple[str, ...]) -> int | None:
        """Return the line, from 1, in which `path` stands."""
        from gptoss_cli.config.statements import lines_of  # noqa: PLC0415 - only where it is asked

        return lines_of(self.text).get(path)


def profile_names(file: ConfigFile) -> list[str]:
    """Return the profiles of `file` in their order."""
    profiles = file.tables.get(PROFILES)
    return list(profiles) if isinstance(profiles, dict) else []


def read_config(path: Path | None) -> ConfigFile:
    """Read the file at `path`; one that is not there says nothing.

    Raises ConfigError when it is no file of TOML in UTF-8 of at most ``MOST_BYTES``.
    """
    if path is None:
        return ConfigFile(None)
    raw = raw_bytes(path)
    return parse(path, decoded(path, raw)) if raw else ConfigFile(path)


def parse(path: Path, text: str) -> ConfigFile:
    """Return what `text` of the file at `path` says. Raises ConfigError when it is no TOML."""
    import tomllib  # noqa: PLC0415 - not before there is something to read

    try:
        return ConfigFile(path, text, tomllib.loads(text.removeprefix("\ufeff")))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_no_toml(path, text, str(error)), hint=_EDIT) from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deep.", hint=_EDIT) from None
    except ValueError:  # a number of thousands of digits
        raise ConfigError(f"{path} has a number that is too long.", hint=_EDIT) from None


def decoded(path: Path, raw: bytes) -> str:
    """Return `raw` as text, with the mark of byte order it may begin with. Raises ConfigError."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: this is not UTF-8.", hint="save the file as UTF-8"
        ) from None


def raw_bytes(path: Path) -> bytes:
    """Return what the file at `path` holds, nothing where there is none. Raises ConfigError."""
    try:
        # What blocks while it is opened or never ends is never opened: pipes, terminals.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ConfigError(f"{path} is a folder, not a file.", hint="gptoss config path")
        if not stat.S_ISREG(mode):
            if os.path.samefile(path, os.devnull):  # noqa: PTH121 - a string has no such method
                return b""
            raise ConfigError(f"{path} is no regular file.", hint="gptoss config path")
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name cannot be"
        raise ConfigError(f"{path} cannot be read: {why}.", hint=f"ls -l {path}") from None
    if len(raw) > MOST_BYTES:
        raise ConfigError(f"{path} is larger than {MOST_BYTES // 1024} KiB.", hint=_EDIT)
    return raw


def _no_toml(path: Path, text: str, message: str) -> str:
    """Return what is wrong in the words of the reader, with the place in front."""
    match = re.fullmatch(
        r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)",
        message,
        re.DOTALL,
    )
    if match is None:
        return f"{path} is no TOML: {message}."
    if match["line"]:
        place = f"{match['line']}:{match['column']}"
    else:
        place = str(text.rstrip("\n").count("\n") + 1)
    what = match["what"]
    return f"{path}:{place}: this is no TOML: {what[:1].lower()}{what[1:]}."
