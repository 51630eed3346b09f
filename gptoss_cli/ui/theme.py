"""How things look: one palette for the whole program, and how much of it a stream may carry.

A style is a set of bits, so that emphasis inside a heading inside a quotation is one number. Colour
is an accent, never the only carrier of meaning. Only the sixteen colours a terminal's owner chose
are used.
"""

from __future__ import annotations

from enum import IntEnum

from gptoss_cli.ui.cells import Span

PLAIN = 0
STRONG = 1 << 0
EMPHASIS = 1 << 1
STRUCK = 1 << 2
CODE = 1 << 3
LINK = 1 << 4
URL = 1 << 5
TITLE = 1 << 6
HEADING = 1 << 7
MARKER = 1 << 8
FAINT = 1 << 9
KEYWORD = 1 << 10
STRING = 1 << 11
COMMENT = 1 << 12
NUMBER = 1 << 13

# Rich's words for styles, so that tables printed with Rich elsewhere can share the palette.
PALETTE: dict[int, str] = {
    STRONG: "bold",
    EMPHASIS: "italic",
    STRUCK: "strike",
    CODE: "cyan",
    LINK: "underline",
    URL: "dim",
    TITLE: "bold underline",
    HEADING: "bold",
    MARKER: "cyan",
    FAINT: "dim",
    KEYWORD: "magenta",
    STRING: "green",
    COMMENT: "dim",
    NUMBER: "yellow",
}


_WITHOUT_COLOUR = {
    CODE: "bold",
    MARKER: "bold",
    KEYWORD: "bold",
    STRING: "",
    NUMBER: "",
}
THEMES: dict[str, dict[int, str]] = {
    "default": PALETTE,
    # Dim text is hard to read for some eyes and on some screens.
    "clear": PALETTE | {FAINT: "", URL: "underline", COMMENT: "italic"},
    "light": PALETTE | {CODE: "blue", MARKER: "blue", NUMBER: "red"},
    "mono": PALETTE | _WITHOUT_COLOUR,
}


class Paint(IntEnum):
    """How much of the palette may be used."""

    NONE = 0
    ATTRIBUTES = 1
    COLOUR = 2


class Theme:
    """Turns rows into text for a stream with as much styling as `paint` allows.

    ``unicode`` tells whether marks such as ``•`` and ``│`` can be written; else ASCII stands in.
    """

    def __init__(self, paint: Paint, *, unicode: bool = True) -> None:
        self.paint = paint
        self.name = "default"
        self._codes: dict[int, str] = {PLAIN: ""}
        self.bullet = "•" if unicode else "-"
        self.bar = "│" if unicode else ">"
        self.rule = "─" if unicode else "-"
        self.dot = "·" if unicode else "-"
        self.ellipsis = "…" if unicode else "..."

    def use(self, name: str) -> None:
        """Paint by the palette `name`, one of ``THEMES``, from now on."""
        self.name = name
        self._codes = {PLAIN: ""}

    def _code(self, style: int) -> str:
        """Return the escape sequence that begins `style`, or nothing."""
        if self.paint is Paint.NONE:
            return ""
        from rich.color import ColorSystem  # noqa: PLC0415
        from rich.style import Style  # noqa: PLC0415

        combined = Style.null()
        for bit, definition in THEMES[self.name].items():
            if style & bit and definition:
                combined += Style.parse(definition)
        if self.paint is Paint.ATTRIBUTES:
            combined = combined.without_color
        return combined.render("\0", color_system=ColorSystem.STANDARD).partition("\0")[0]

    def paint_row(self, row: list[Span]) -> str:
        """Return `row` as text with escape sequences, all of them closed at its end."""
        codes = self._codes
        parts: list[str] = []
        for text, style in row:
            code = codes.get(style)
            if code is None:
                codes[style] = code = self._code(style)
            parts.append(f"{code}{text}\x1b[0m" if code else text)
        return "".join(parts)

    def paint_text(self, text: str, style: int) -> str:
        """Return `text` in one `style`."""
        return self.paint_row([(text, style)])
