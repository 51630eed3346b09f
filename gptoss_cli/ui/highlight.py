"""Code in colour, line by line, by Pygments' lexers.

A line of code is printed for good as soon as it is complete. Pygments reads whole files; here the
stack of a lexer's states is kept from line to line instead, which costs the same for every line.
Some lexers read a block comment by one expression: they get its opener again before each further
line. There are hundreds of lexers by as many people, and plugins: whatever goes wrong in one, the
code is shown, plain, as it is in an unknown language.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row

if TYPE_CHECKING:
    from pygments.lexer import Lexer, LexerContext

# Where a token begins, its type, its text.
TokenType = tuple[str, ...]
Piece = tuple[int, TokenType, str]

# A longer line is hardly written for people, and expressions may take long for it.
_LONGEST = 1000
# Some lexers read strings by expressions that take twice as long for each escape.
_MOST_ESCAPES = 12
_NAME = re.compile(r"[{.\s]*([\w+#-]{1,40})")
# What lexers read by one expression although it may reach over lines.
_SPANNING = {"/*": "*/", "<!--": "-->", "--[[": "]]", "`": "`"}
# A token has the style of the nearest of its parents here.
_STYLES = {
    "Keyword": theme.KEYWORD,
    "Operator.Word": theme.KEYWORD,
    "Name.Builtin": theme.CODE,
    "Name.Builtin.Pseudo": theme.KEYWORD,
    "Name.Class": theme.CODE,
    "Name.Decorator": theme.CODE,
    "Name.Exception": theme.CODE,
    "Name.Function": theme.CODE,
    "Name.Tag": theme.KEYWORD,
    "Name.Attribute": theme.CODE,
    "Literal.String": theme.STRING,
    "Literal.String.Interpol": theme.PLAIN,
    "Literal.Number": theme.NUMBER,
    "Literal.Date": theme.NUMBER,
    "Comment": theme.COMMENT,
    "Comment.Preproc": theme.KEYWORD,
    "Comment.PreprocFile": theme.STRING,
    "Generic.Prompt": theme.FAINT,
    "Generic.Heading": theme.FAINT,
    "Generic.Subheading": theme.FAINT,
    "Generic.Inserted": theme.STRING,
    "Generic.Deleted": theme.KEYWORD,
}


class Highlighter:
    """Colours the lines of one code block in `language`, the first word after the fence."""

    def __init__(self, language: str) -> None:
        name = _NAME.match(language.lower())
        self._lexer = _lexer(name[1]) if name is not None else None
        self._context = _context(self._lexer) if self._lexer is not None else None
        self._open = ""  # the opener of what reaches over lines

    def line(self, text: str) -> Row:
        """Return `text`, one line, with styles; joined it reads the same."""
        lexer = self._lexer
        if lexer is None or len(text) > _LONGEST or text.count("\\") > _MOST_ESCAPES:
            return [(text, theme.PLAIN)]
        lead, source = len(self._open), self._open + text
        before = self._context
        tokens: list[Piece] = []
        for opener, closer in _SPANNING.items():
            if opener not in source:
                continue
            # Is it still open at the end of the line? Then a closer there belongs to it.
            tokens = self._tokens(lexer, f"{source}{closer}\n")
            if _reaches(tokens, opener, len(source)):
                self._open = opener
                break
            if self._context is not None:
                self._context = before
        else:
            self._open = ""
            tokens = self._tokens(lexer, source + "\n")
        row = _row(tokens, lead, len(source))
        return row if "".join(piece for piece, _ in row) == text else [(text, theme.PLAIN)]

    def _tokens(self, lexer: Lexer, source: str) -> list[Piece]:
        """Return the tokens of `source`, going on from the line before where the lexer can."""
        from pygments.lexer import ExtendedRegexLexer  # noqa: PLC0415

        if self._context is not None:
            context = copy.copy(self._context)
            context.stack = list(context.stack)
            context.text, context.pos, context.end = source, 0, len(source)
            self._context = context
            # Called on lexers of another class: it only reads their rules, and keeps its state
            # in the context.
            going_on: Callable[..., Iterable[Piece]] = ExtendedRegexLexer.get_tokens_unprocessed
            try:
                return list(going_on(lexer, context=context))
            except Exception:  # noqa: BLE001
                self._context = None  # it needs more than its stack: each line by itself
        try:
            return list(lexer.get_tokens_unprocessed(source))
        except Exception:  # noqa: BLE001
            return []


@lru_cache(maxsize=64)
def _lexer_class(name: str) -> type[Lexer] | None:
    """Return the class of the lexer called `name`, or of the one for files that end in it."""
    from pygments import lexers  # noqa: PLC0415

    found: type[Lexer] | None
    try:
        found = lexers.find_lexer_class_by_name(name)
    except lexers.ClassNotFound:
        found = lexers.find_lexer_class_for_filename(f"a.{name}")
    return found


def _lexer(name: str) -> Lexer | None:
    try:
        found = _lexer_class(name)
        return found() if found is not None else None
    except Exception:  # noqa: BLE001
        return None


def _context(lexer: Lexer) -> LexerContext | None:
    """Return the state `lexer` begins with, or None when it has no stack of states."""
    from pygments.lexer import LexerContext, RegexLexer  # noqa: PLC0415

    return LexerContext("", 0) if isinstance(lexer, RegexLexer) else None


def _reaches(tokens: list[Piece], opener: str, end: int) -> bool:
    """Tell whether a token that begins with `opener` goes on behind the position `end`."""
    return any(
        start < end < start + len(text) and text.startswith(opener) for start, _, text in tokens
    )


def _row(tokens: list[Piece], start: int, end: int) -> Row:
    """Return what is between two positions, neighbours of one style joined."""
    row: Row = []
    for position, kind, text in tokens:
        piece = text[max(start - position, 0) : max(end - position, 0)]
        style = _style(kind)
        if row and row[-1][1] == style:
            row[-1] = (row[-1][0] + piece, style)
        elif piece:
            row.append((piece, style))
    return row


@cache
def _style(kind: TokenType) -> int:
    while kind:
        style = _STYLES.get(".".join(kind))
        if style is not None:
            return style
        kind = kind[:-1]
    return theme.PLAIN
