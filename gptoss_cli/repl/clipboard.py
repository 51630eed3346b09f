"""The clipboard: the system's where there is one, else the terminal's own."""

from __future__ import annotations

import base64
from typing import Final

from gptoss_cli.errors import GptossError

# Terminals drop longer ones, or stop reading in the middle.
_LONGEST_SEQUENCE_BYTES: Final = 100_000


def system_copy(text: str) -> bool:
    """Put `text` into the clipboard of this machine; False where there is none."""
    import pyperclip  # noqa: PLC0415

    try:
        pyperclip.copy(text)
    except (pyperclip.PyperclipException, OSError):
        return False
    return True


def system_paste() -> str:
    """Return what is in the clipboard of this machine. Raises GptossError where there is none."""
    import pyperclip  # noqa: PLC0415

    try:
        text: str = pyperclip.paste()
    except (pyperclip.PyperclipException, OSError):
        raise GptossError(
            "there is no clipboard on this machine.",
            hint="paste with the terminal's own key: long texts are shown as one word",
        ) from None
    return text


def copy_sequence(text: str) -> str:
    """Return the sequence (OSC 52) that asks the terminal to put `text` into its clipboard.

    Raises GptossError when it is too long for that.
    """
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    if len(encoded) > _LONGEST_SEQUENCE_BYTES:
        raise GptossError("it is too long for the terminal's clipboard.", hint="/save FILE")
    return f"\x1b]52;c;{encoded}\x07"
