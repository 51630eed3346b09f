"""Make ``docs/chat.svg``: a real chat with the embedded model in a real terminal, as it was seen.

python -m docs.make_pictures
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.support.chat import ChatTerminal

_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
COLUMNS, ROWS = 76, 28
_COLOURS = {"brown": "yellow"}  # what pyte calls it


def seen(chat: ChatTerminal) -> Text:
    """Return the screen of `chat` with its colours."""
    text = Text()
    for row in chat.cells():
        for cell in row:
            text.append(cell.data, _style(cell))
        text.rstrip()
        text.append("\n")
    text.rstrip()
    return text


def _style(cell: Any) -> Style:
    colour = _COLOURS.get(cell.fg, cell.fg)
    return Style(color=None if colour == "default" else colour, bold=cell.bold, italic=cell.italics)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        with ChatTerminal("--temperature", "0", columns=COLUMNS, rows=ROWS) as chat:
            chat.ask("What is 4736 + 8567?")
            chat.ask("47 더하기 85는?")
            chat.ask("거기서 12 빼줘")
            chat.ask("/context")
            chat.send("\x0f")
            chat.wait_for("thinking of turn")
            chat.send("/eff")
            chat.wait_for("how long the model thinks")
            picture = seen(chat)
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(picture)
    svg = console.export_svg(title="gptoss", clear=False)
    svg = _FONTS.sub("", svg)  # nothing is loaded from elsewhere
    Path(__file__).with_name("chat.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
