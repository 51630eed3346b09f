"""One line to change at the terminal, outside of a chat."""

from __future__ import annotations

import sys

from prompt_toolkit.output import create_output
from prompt_toolkit.shortcuts import PromptSession


def changed_line(text: str, label: str) -> str | None:
    """Return `text` as a person leaves it, behind `label`; None for Ctrl-C or Ctrl-D.

    It is drawn on standard error: standard output may be a file.
    """
    session: PromptSession[str] = PromptSession(output=create_output(stdout=sys.stderr))
    try:
        return session.prompt(label, default=text, multiline="\n" in text)
    except (KeyboardInterrupt, EOFError):
        return None
