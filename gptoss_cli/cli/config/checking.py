"""``gptoss config check``."""

from __future__ import annotations

import os
import sys

from gptoss_cli.cli.options import Task
from gptoss_cli.errors import ExitCode


def check() -> Task:
    """Look for what is wrong in the file, all its profiles, and the variables."""
    return check_all


def check_all() -> int:
    """Print all that is wrong, a line each, and return the exit code: 2 if there is something."""
    from gptoss_cli.cli.config.source import config_file, config_path
    from gptoss_cli.config.file import ConfigError, ConfigFile
    from gptoss_cli.config.keys import nearest, unknown_variables, variables
    from gptoss_cli.config.precedence import problems_of
    from gptoss_cli.ui.sanitize import sanitize_line
    from gptoss_cli.ui.say import say

    problems = []
    try:
        file = config_file()
    except ConfigError as error:
        problems.append(str(error))
        file = ConfigFile(config_path())
    problems += problems_of(file, os.environ)
    for problem in problems:
        sys.stdout.write(sanitize_line(problem) + "\n")
    for name in unknown_variables(os.environ):
        near = nearest(name, variables())
        meant = f" Did you mean {near}?" if near else ""
        say(sanitize_line(f"note: the variable {name} means nothing to gptoss.{meant}"))
    if problems:
        return ExitCode.USAGE
    where = sanitize_line(str(file.path)) if file.path is not None else "the variables"
    if file.path is not None and not os.path.lexists(file.path):
        say(f"there is no file {where}: nothing is set in it.")
    else:
        say(f"nothing is wrong in {where}.")
    return ExitCode.OK
