r"""Markdown inside a line, parsed by markdown-it-py: emphasis, code, links and what is left alone.

CommonMark's rules, and these of our own, each a rule of the parser: an answer is shown while it is
written, so that emphasis and code may still be open at its end, or have been opened in text that is
printed already; Korean, Chinese and Japanese put no space after a bold word; formulas between
``\(`` and ``\)``, ``\[`` and ``\]`` or dollar signs are left alone; ``<br>`` breaks the line. The
address of a link is shown after its text. Other HTML is shown as it is written, and so are
references, since their definitions come later than the text that uses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, reduce
from operator import or_

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter, Scanned
from markdown_it.token import Token

from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row
from gptoss_cli.ui.sanitize import sanitize_line

_BREAK = re.compile(r"<br\s*/?>[ \t]*", re.IGNORECASE)
# An unfinished formula keeps its mark, or it would change its face when it ends.
_FORMULA = re.compile(
    r"\\\(.*?\\\)|\\\[.*?\\\]|\\[()\[\]]"
    r"|\$\$.+?\$\$|\$(?![\s$])(?:[^$\n\\]|\\.)*?(?<![\s\\])\$(?![0-9])",
    re.DOTALL,
)
# An address without brackets, from the colon on; a sign at its end belongs to the sentence.
_ADDRESS = re.compile(r"://[!-~]*[A-Za-z0-9/#=&%+~_-]")
_NOT_IN_ADDRESS = re.compile(r"[<>\"'`()\[\]{}|\\]")
_SCHEME = re.compile(r"https?$", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_EAST_ASIAN = "\u1100"
_TILDE = ord("~")
_STYLES = {
    "strong": theme.STRONG,
    "em": theme.EMPHASIS,
    "s": theme.STRUCK,
    "link": theme.LINK,
}
_BREAKS = {"softbreak": " ", "hardbreak": "\n"}
# No text that may be shown contains it.
_MARK = "\0"
# Where a text may be cut: before a word, or else before a character.
_CUTS = tuple(
    re.compile(rf"(?<=[{before}])(?=[^\s*_~\u0300-\u036f\u200d\ufe00-\ufe0f])")
    for before in (r" \n", r"^\s*_~`\\")
)
_ATTEMPTS = 16
# Emphasis in emphasis that goes on behind a cut; nobody sees more.
_DEEPEST = 3


def parse(
    source: str,
    *,
    base: int = theme.PLAIN,
    carried: str = "",
    whole: bool = True,
    hopeful: bool = False,
) -> Row:
    """Return what `source` looks like, its styles added to `base`.

    The emphasis marks `carried` were opened before `source`. With ``whole=False`` more text
    follows: bold that is not closed yet stays bold. ``hopeful=True`` is for showing unfinished
    text: also other marks are taken to be closed soon.
    """
    if hopeful:
        source = source.rstrip("*_")  # they may still grow: the next character tells what they say
    if not source.strip():
        return [(source, base)] if source else []
    tokens = _tokens(source, carried, whole=whole, hopeful=hopeful)
    return [(text, style) for text, style, _ in _shown(tokens, base) if text]


def split(
    source: str, target: int, *, base: int = theme.PLAIN, carried: str = ""
) -> tuple[Row, str, int]:
    """Cut `source`, the beginning of a longer text, near the position `target`.

    Returns what the first part looks like, the emphasis marks that are open behind it and the
    position of the cut, which is never 0 and not inside code, a link or a formula.
    """
    row = parse(source, base=base, carried=carried, whole=False)
    text = _text(row)
    for position in [*cuts(source, target), len(source)]:
        marked = f"{source[:position]}{_MARK}{source[position:]}"
        pieces = list(_shown(_tokens(marked, carried, whole=False), base))
        if "".join(piece for piece, _, _ in pieces).replace(_MARK, "") != text:
            continue  # the mark has changed what the text means
        for index, (piece, style, opened) in enumerate(pieces):
            before, mark, _ = piece.partition(_MARK)
            inside = (
                style & (theme.CODE | theme.LINK | theme.URL)
                or _FORMULA.match(piece)
                or _WEB.match(piece)
            )
            if mark and not inside:
                first = [(piece, style) for piece, style, _ in pieces[:index]]
                return [*first, (before, style)], opened, position
    return row, "", len(source)


def cuts(source: str, target: int) -> Iterator[int]:
    """Yield positions where `source` may be cut, the ones before `target` and near it first."""
    for pattern in _CUTS:
        found = [match.start() for match in pattern.finditer(source)]
        before = [position for position in reversed(found) if 0 < position <= target]
        after = [position for position in found if position > target]
        for some in (before, after):
            yield from some[:: max(-(-len(some) // _ATTEMPTS), 1)]


def _text(row: Row) -> str:
    return "".join(text for text, _ in row)


class _State(StateInline):
    """The parser's state; ``carried`` is how many marks before the text were added to it."""

    carried = 0
    whole = True
    hopeful = False

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        """Return whether marks open or close, also those beside Korean: **"이것"**은."""
        opens, closes, length = super().scanDelims(start, canSplitWord)
        if canSplitWord:
            before, after = self.src[:start][-1:] or " ", self.src[start + length :][:1] or " "
            opens |= before >= _EAST_ASIAN and not after.isspace()
            closes |= after >= _EAST_ASIAN and not before.isspace()
        return Scanned(opens, closes, length)


class _Parser(MarkdownIt):
    """CommonMark with addresses as they are written: people read them."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        """Return `url` as it is."""
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        """Return `link` as it is."""
        return link


@cache
def _parser() -> _Parser:
    parser = _Parser("commonmark", {"html": False})
    parser.enable("strikethrough")
    inline = parser.inline
    inline.ruler.before("escape", "formula", _formula)
    inline.ruler.before("escape", "address", _bare_address)
    inline.ruler.before("backticks", "open code", _open_code)
    inline.ruler.before("autolink", "break", _break)
    inline.ruler2.after("balance_pairs", "open emphasis", _open_emphasis)
    return parser


def _tokens(source: str, carried: str, *, whole: bool, hopeful: bool = False) -> list[Token]:
    parser = _parser()
    state = _State(carried + source, parser, {}, [])
    state.carried = len(carried.replace("~~", "~"))
    state.whole, state.hopeful = whole, hopeful
    parser.inline.tokenize(state)
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    return state.tokens


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "\\$":
        return False
    match = _FORMULA.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("text_special", "", 0).content = match.group()
    state.pos = match.end()
    return True


def _bare_address(state: StateInline, silent: bool) -> bool:
    """Take ``https://…`` as it is written: its underscores and tildes are no marks."""
    if silent or state.src[state.pos] != ":":
        return False
    scheme = _SCHEME.search(state.pending)
    if scheme is None:
        return False
    stop = _NOT_IN_ADDRESS.search(state.src, state.pos, state.posMax)
    match = _ADDRESS.match(state.src, state.pos, stop.start() if stop else state.posMax)
    if match is None:
        return False
    state.pending = state.pending[: scheme.start()]
    state.push("text_special", "", 0).content = scheme.group() + match.group().rstrip("_~")
    state.pos = match.start() + len(match.group().rstrip("_~"))
    return True


def _break(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    match = _BREAK.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = match.end()
    return True


def _open_code(state: StateInline, silent: bool) -> bool:
    """Take code without an end to be code to the end, when the text is unfinished."""
    if silent or not isinstance(state, _State) or not state.hopeful or state.level:
        return False
    source, start = state.src, state.pos
    if source[start] != "`":
        return False
    rest = source[start:].lstrip("`")
    ticks = "`" * (len(source) - start - len(rest))
    if re.search(rf"(?<!`){ticks}(?!`)", rest):
        return False
    state.push("code_inline", "code", 0).content = rest.replace("\n", " ").rstrip("`")
    state.pos = state.posMax
    return True


def _open_emphasis(state: StateInline) -> None:
    """Close at the end what is open there: carried marks, bold, and in unfinished text all."""
    if not isinstance(state, _State):
        return
    marks = state.delimiters
    unpaired: list[int] = []
    pairs_end = -1
    for index, mark in enumerate(marks):
        if mark.end >= 0:
            pairs_end = max(pairs_end, mark.end)
        elif mark.open and index > pairs_end:
            unpaired.append(index)
    lasting: list[int] = []
    for index in unpaired:
        if index < state.carried or (state.hopeful and marks[index].marker != _TILDE):
            lasting.append(index)
        elif (
            not state.whole
            and index not in lasting
            and index + 1 in unpaired
            and _double(marks[index], marks[index + 1])
        ):
            lasting += [index, index + 1]
    for index in reversed(lasting):
        state.push("text", "", 0)
        token = len(state.tokens) - 1
        marks[index].end = len(marks)
        marks.append(Delimiter(marks[index].marker, 0, token, -1, open=False, close=True))


def _double(first: Delimiter, second: Delimiter) -> bool:
    """Tell whether two marks stand side by side and are bold together."""
    return first.marker == second.marker != _TILDE and first.token + 1 == second.token


def _shown(tokens: list[Token], base: int) -> Iterator[tuple[str, int, str]]:
    """Yield the pieces of text to show, their styles and the marks of emphasis open there."""
    opened: list[tuple[int, str]] = []
    label = address = ""
    for token in tokens:
        kind, _, edge = token.type.rpartition("_")
        if edge == "open":
            opened.append((_STYLES[kind], token.markup))
            if kind == "link":
                label, address = "", str(token.attrs["href"])
            continue
        if edge == "close":
            opened.pop()
        marks = "".join(mark for _, mark in opened[:_DEEPEST])
        style = reduce(or_, (one for one, _ in opened), base)
        if token.type == "link_close":
            yield _address(address, label), style | theme.URL, marks
        elif token.type == "image":
            yield "image: ", style, marks
            alt = list(_shown(token.children or [], style | theme.LINK))
            label = _text([(text, style) for text, style, _ in alt])
            yield from alt
            yield _address(str(token.attrs["src"]), label), style | theme.URL, marks
        elif edge != "close":
            text = _BREAKS.get(token.type, token.content)
            if token.info == "entity":  # it can name a control character
                text = sanitize_line(text) or " "
            label += text
            yield text, style | (theme.CODE if edge == "inline" else 0), marks


def _address(address: str, label: str) -> str:
    """Return what is shown behind the text `label` of a link to `address`."""
    address, label = sanitize_line(address), label.strip()
    if not address or address in {label, f"mailto:{label}"}:
        return ""
    return f" ({address})" if label else address
