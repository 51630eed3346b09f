"""``gptoss sessions path``."""

from __future__ import annotations

import sys

from gptoss_cli.cli.options import Task
from gptoss_cli.cli.sessions.keeping import store_path
from gptoss_cli.errors import ExitCode


def path() -> Task:
    """Print where the conversations are kept. The file need not be there yet."""
    return _path


def _path() -> int:
    sys.stdout.write(f"{store_path()}\n")
    return ExitCode.OK
