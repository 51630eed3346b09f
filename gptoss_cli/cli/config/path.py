"""``gptoss config path``."""

from __future__ import annotations

import os
import sys

from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode


def path() -> Task:
    """Print where the configuration is. The file need not be there yet."""
    return _path


def _path() -> int:
    from gptoss_cli.cli.config.source import config_path
    from gptoss_cli.config.writing import require_place

    place = require_place(config_path())
    # The bytes of the name, whatever the locale: what is printed must lead to the file.
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(place) + b"\n")
    return ExitCode.OK
