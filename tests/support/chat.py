"""A chat in a real terminal, as a person holds it: what is typed, what is seen, when it is done."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.support.program import ROOT
from tests.support.screen import WAIT_S, Terminal

_METER = re.compile(r"^ ctx \d")


class ChatTerminal(Terminal):
    """``gptoss chat`` with the embedded model, or another, in a terminal."""

    def __init__(
        self,
        *arguments: str | Path,
        model: str | Path = "demo",
        columns: int = 80,
        rows: int = 24,
        env: dict[str, str] | None = None,
        folder: Path = ROOT,
        waits: bool = True,
    ) -> None:
        self.model = model
        words = ("chat", "-m", str(model), *map(str, arguments))
        super().__init__(*words, columns=columns, rows=rows, env=env, folder=folder)
        if waits:
            self.wait_until_idle()

    @property
    def status(self) -> str:
        """The status line."""
        rows = self.display()
        return rows[-1] if rows else ""

    @property
    def is_idle(self) -> bool:
        """Whether the input is empty and nothing goes on."""
        rows = self.display()
        return len(rows) > 1 and bool(_METER.match(rows[-1])) and rows[-2] == ">"

    def wait_until_idle(self, seconds: float = WAIT_S) -> str:
        """Read until the chat waits for the person; return the whole text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.03)
            if self.is_idle:
                return self.text
        raise AssertionError(f"the chat does not become idle:\n{self.text}")

    def wait_for_prompt(self, seconds: float = WAIT_S) -> None:
        """Read until the plain chat asks for the next line."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.03)
            if self.display()[-1:] == [">"]:
                return
        raise AssertionError(f"the chat does not ask:\n{self.text}")

    def ask(self, text: str, *, seconds: float = WAIT_S) -> str:
        """Send `text`, wait for what becomes of it, and return what was printed since."""
        echoes = self.echoes(text)
        self.line(text)
        return self.wait_for_echo(text, count=echoes + 1, seconds=seconds)

    def echoes(self, text: str) -> int:
        """How often a line that begins with the first word of `text` was sent."""
        return len(self._places(text))

    def _places(self, text: str) -> list[int]:
        """Where such lines end, in what stands above the input."""
        word = re.escape(text.split(maxsplit=1)[0])
        found = re.finditer(rf"^> {word}(?=\s|$).*$", self._above(), re.MULTILINE)
        return [match.end() for match in found]

    def wait_for_echo(self, text: str, *, count: int = 1, seconds: float = WAIT_S) -> str:
        """Wait until `text`, which was sent, stands above for the `count`-th time and all is done;
        return what follows it.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.03)
            if self.is_idle and len(places := self._places(text)) >= count:
                rows = self._above()[places[count - 1] + 1 :].split("\n")
                while rows and rows[0].startswith("  ") and rows[0].strip() in text:
                    del rows[0]  # the rest of a long line
                return "\n".join(rows).strip("\n")
        raise AssertionError(f"{text!r} was not answered:\n{self.text}")

    def _above(self) -> str:
        """What stands above the input."""
        return "\n" + self.text.rpartition("\n>")[0]

    def leave(self) -> int:
        """Press Ctrl-D and return the exit code."""
        self.send("\x04")
        return self.wait_for_end()
