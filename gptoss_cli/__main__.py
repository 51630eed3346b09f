"""``python -m gptoss_cli`` and the ``gptoss`` command."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return the exit code."""
    from gptoss_cli.cli.app import run_command_line  # noqa: PLC0415 - measured start-up

    return run_command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
