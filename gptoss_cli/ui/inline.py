r"""Markdown inside a line: emphasis, code, links and what must be left alone.

CommonMark's rules (https://spec.commonmark.org/0.31.2/#inlines) over a piece of text that may end
in the middle, because an answer is shown while it is written. ``parse`` keeps for every node where
it came from, so that the beginning of a long paragraph can be printed for good and the rest parsed
on its own.

What differs from CommonMark, on purpose: the address of a link is shown after its text; HTML is
shown as it is written, except ``<br>``; formulas between ``\(`` and ``\)``, ``\[`` and ``\]``
or dollar signs are left alone; references are shown as written, since their definitions come later
than the text that uses them.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Span
from gptoss_cli.ui.sanitize import sanitize_line

_SPECIAL = re.compile(r"[\\`*_~\[\]!<&$\n]")
_ENTITY = re.compile(r"&(?:#[xX][0-9a-fA-F]{1,6}|#[0-9]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>")
_DESTINATION = re.compile(
    r"\(\s*(?:<(?P<angled>[^<>\n]*)>|(?P<bare>(?:[^\s()\\]|\\.|\([^\s()]*\))*))"
    r"(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*\)"
)
_DOLLARS = re.compile(r"\$\$.+?\$\$|\$(?![\s$])(?:[^$\n\\]|\\.)*?(?<![\s\\])\$(?![0-9])", re.DOTALL)
_ESCAPED_MATH = re.compile(r"\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
_TICKS = re.compile(r"`+")
_EAST_ASIAN = "\u1100"
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

# (marker, length): an emphasis that began in text already printed.
Open = tuple[str, int]


@dataclass(slots=True)
class Node:
    """A piece of parsed text. It came from ``start`` to ``end`` of the source.

    ``plain`` nodes read exactly as written, so the source may be cut inside them; ``group`` is not
    0 for nodes that only make sense together, such as the parts of a link.
    """

    text: str
    start: int
    end: int
    style: int = theme.PLAIN
    plain: bool = False
    group: int = 0


@dataclass(slots=True)
class _Run:
    """A run of emphasis markers, with how many of them are still unused."""

    node: int
    marker: str
    left: int
    length: int
    can_open: bool
    can_close: bool
    carried: bool = False


@dataclass(slots=True)
class Parsed:
    """The nodes of a text, and for each position which emphasis is open there."""

    nodes: list[Node] = field(default_factory=list)
    pairs: list[tuple[int, int, str, int]] = field(default_factory=list)

    def open_at(self, index: int) -> tuple[Open, ...]:
        """Return the emphasis that is open before the node at `index`, outermost first."""
        found = [
            (start, -end, marker, length)
            for start, end, marker, length in self.pairs
            if start < index <= end
        ]
        return tuple((marker, length) for _, _, marker, length in sorted(found))

    def spans(self, upto: int | None = None) -> list[Span]:
        """Return what the nodes before `upto` look like."""
        return [(node.text, node.style) for node in self.nodes[:upto] if node.text]


def parse(
    source: str,
    *,
    base: int = theme.PLAIN,
    carried: tuple[Open, ...] = (),
    before: str = " ",
    whole: bool = True,
    hopeful: bool = False,
) -> Parsed:
    """Return `source` parsed, its styles added to `base`.

    `carried` emphasis was opened before `source`, which follows the character `before`. With
    ``whole=False`` more text follows: bold that is not closed yet stays bold. ``hopeful=True`` is
    for showing unfinished text: also other markers are taken to be closed soon.
    """
    parser = _Parser(source, base, before, hopeful=hopeful)
    parser.scan(carried)
    parser.pair_runs(0)
    parser.settle(whole=whole)
    return parser.result


class _Parser:
    """One pass over a source; the delimiter stack of CommonMark's appendix."""

    def __init__(self, source: str, base: int, before: str, *, hopeful: bool) -> None:
        self.source = source
        self.base = base
        self.before = before
        self.hopeful = hopeful
        self.result = Parsed()
        self.nodes = self.result.nodes
        self.runs: list[_Run] = []
        self.brackets: list[tuple[int, bool, int]] = []
        self.groups = 0

    def scan(self, carried: tuple[Open, ...]) -> None:
        """Split the source into nodes, remembering markers that may be emphasis."""
        for marker, length in carried:
            self.runs.append(_Run(-1, marker, length, length, True, False, carried=True))
        source, position, size = self.source, 0, len(self.source)
        while position < size:
            match = _SPECIAL.search(source, position)
            if match is None:
                self.add(source[position:], position, size, plain=True)
                return
            at = match.start()
            if at > position:
                self.add(source[position:at], position, at, plain=True)
            position = self.special(source[at], at)

    def add(self, text: str, start: int, end: int, style: int = 0, *, plain: bool = False) -> None:
        self.nodes.append(Node(text, start, end, self.base | style, plain))

    def special(self, character: str, at: int) -> int:
        """Parse what begins at `at` with a special `character`; return where it ends."""
        match character:
            case "*" | "_" | "~":
                end = self.run(character, at)
            case "`":
                end = self.code(at)
            case "\\":
                end = self.backslash(at)
            case "[" | "!":
                end = self.open_bracket(character, at)
            case "]":
                end = self.close_bracket(at)
            case "\n":
                end = self.newline(at)
            case _:
                end = self.literal(character, at)
        return end

    def run(self, marker: str, at: int) -> int:
        source = self.source
        end = at + 1
        while end < len(source) and source[end] == marker:
            end += 1
        previous = source[at - 1] if at else self.before
        following = source[end] if end < len(source) else " "
        space_before, space_after = previous.isspace(), following.isspace()
        mark_before, mark_after = _is_mark(previous), _is_mark(following)
        # Korean, Chinese and Japanese put no space after a bold word that ends in a bracket or a
        # quotation mark: **"이것"**은. CommonMark alone would leave the asterisks standing there.
        left = not space_after and (
            not mark_after or space_before or mark_before or previous >= _EAST_ASIAN
        )
        right = not space_before and (
            not mark_before or space_after or mark_after or following >= _EAST_ASIAN
        )
        can_open, can_close = left, right
        if marker == "_":
            can_open = left and (not right or mark_before)
            can_close = right and (not left or mark_after)
        if end - at == 1 and _multiplies(previous, following):
            can_open = can_close = False
        if marker == "~" and end - at != 2:
            can_open = can_close = False
        if self.hopeful and end == len(source) and marker != "~":
            self.add("", at, end)  # it may still grow: what it says is seen with the next character
            return end
        self.add(source[at:end], at, end)
        if can_open or can_close:
            size = end - at
            self.runs.append(_Run(len(self.nodes) - 1, marker, size, size, can_open, can_close))
        return end

    def code(self, at: int) -> int:
        ticks = _TICKS.match(self.source, at)
        assert ticks is not None
        size = ticks.end() - at
        for match in _TICKS.finditer(self.source, ticks.end()):
            if match.end() - match.start() == size:
                self.add(
                    _code_text(self.source[ticks.end() : match.start()]),
                    at,
                    match.end(),
                    theme.CODE,
                )
                return match.end()
        if self.hopeful:
            rest = self.source[ticks.end() :].replace("\n", " ").rstrip("`")
            self.add(rest, at, len(self.source), theme.CODE)
            return len(self.source)
        self.add(self.source[at : ticks.end()], at, ticks.end())
        return ticks.end()

    def backslash(self, at: int) -> int:
        math = _ESCAPED_MATH.match(self.source, at)
        if math is not None:
            self.add(math.group(), at, math.end())
            return math.end()
        following = self.source[at + 1 : at + 2]
        if following == "\n":
            self.add("\n", at, at + 2)
            return self.skip_spaces(at + 2)
        # An unfinished formula keeps its mark, or it would change its face when it ends.
        if following in _PUNCTUATION and following not in "([" and following:
            self.add(following, at, at + 2)
            return at + 2
        self.add("\\", at, at + 1)
        if following and following in "([":
            self.add(following, at + 1, at + 2)
            return at + 2
        return at + 1

    def skip_spaces(self, at: int) -> int:
        while at < len(self.source) and self.source[at] in " \t":
            at += 1
        return at

    def newline(self, at: int) -> int:
        """Break hard after two spaces, else turn the end of a line into a space."""
        nodes = self.nodes
        hard = self.source[max(at - 2, 0) : at] == "  "
        if nodes and nodes[-1].plain:
            nodes[-1].text = nodes[-1].text.rstrip(" ")
        end = self.skip_spaces(at + 1)
        self.add("\n" if hard else " ", at, end)
        return end

    def open_bracket(self, character: str, at: int) -> int:
        image = character == "!"
        if image and self.source[at + 1 : at + 2] != "[":
            self.add("!", at, at + 1)
            return at + 1
        end = at + 2 if image else at + 1
        self.add(self.source[at:end], at, end)
        self.brackets.append((len(self.nodes) - 1, image, len(self.runs)))
        return end

    def close_bracket(self, at: int) -> int:
        if self.brackets:
            opener, image, runs = self.brackets.pop()
            match = _DESTINATION.match(self.source, at + 1)
            if match is not None:
                self.link(opener, match, runs, image=image)
                return match.end()
        self.add("]", at, at + 1)
        return at + 1

    def link(self, opener: int, match: re.Match[str], runs: int, *, image: bool) -> None:
        """Make a link of everything since the node `opener`: its text, then its address."""
        address = match["angled"] if match["angled"] is not None else match["bare"]
        # An entity in an address can name a control character as well.
        address = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", address)
        address = sanitize_line(html.unescape(address))
        self.pair_runs(runs)
        del self.runs[runs:]
        self.groups += 1
        inner = self.nodes[opener + 1 :]
        for node in inner:
            node.style |= theme.LINK
            node.plain = False
            node.group = self.groups
        label = "".join(node.text for node in inner).strip()
        first = self.nodes[opener]
        first.text, first.plain, first.group = ("image: " if image else ""), False, self.groups
        shown = "" if not address or address in {label, f"mailto:{label}"} else f" ({address})"
        if not label:
            shown = shown.strip(" ()")
        self.add(shown, match.start() - 1, match.end(), theme.URL)
        self.nodes[-1].group = self.groups
        if not image:  # a link holds no links
            self.brackets = [entry for entry in self.brackets if entry[1]]

    def literal(self, character: str, at: int) -> int:
        """Parse entities, line breaks, autolinks and formulas; anything else is itself."""
        source = self.source
        if character == "&" and (match := _ENTITY.match(source, at)):
            # An entity can name a control character, which then has to be shown like any other.
            self.add(sanitize_line(html.unescape(match.group())) or " ", at, match.end())
            return match.end()
        if character == "<" and (match := _BREAK.match(source, at)):
            self.add("\n", at, match.end())
            return self.skip_spaces(match.end())
        if character == "<" and (match := _AUTOLINK.match(source, at)):
            self.add(match[1], at, match.end(), theme.LINK)
            return match.end()
        if character == "$" and (match := _DOLLARS.match(source, at)):
            self.add(match.group(), at, match.end())
            return match.end()
        self.add(character, at, at + 1)
        return at + 1

    def pair_runs(self, bottom: int) -> None:
        """Pair closers with the nearest opener since the run `bottom` (process emphasis)."""
        runs = self.runs
        index = bottom
        while index < len(runs):
            closer = runs[index]
            if not closer.can_close or not closer.left:
                index += 1
                continue
            opener_index = index - 1
            while opener_index >= bottom and not _fits(runs[opener_index], closer):
                opener_index -= 1
            if opener_index < bottom:
                index += 1
                continue
            opener = runs[opener_index]
            length = 2 if opener.left >= 2 and closer.left >= 2 else 1
            self.style(opener, closer.node, length)
            opener.left -= length
            closer.left -= length
            self.shorten(opener)
            self.shorten(closer)
            for between in runs[opener_index + 1 : index]:
                between.can_open = between.can_close = False

    def shorten(self, run: _Run) -> None:
        if run.node >= 0 and self.nodes[run.node].text:
            self.nodes[run.node].text = run.marker * run.left

    def style(self, opener: _Run, end: int, length: int) -> None:
        """Give the nodes between `opener` and the node `end` its style."""
        style = theme.STRONG if length == 2 else theme.EMPHASIS
        if opener.marker == "~":
            style = theme.STRUCK
        for node in self.nodes[opener.node + 1 : end]:
            node.style |= style
        self.result.pairs.append((opener.node, end, opener.marker, length))

    def settle(self, *, whole: bool) -> None:
        """Decide about openers without a closer.

        Carried ones and, with more text to come, bold ones reach to the end; others are text.
        """
        end = len(self.nodes)
        for run in self.runs:
            lasting = run.carried or (not whole and run.can_open and run.marker != "~")
            while run.left and lasting and (run.carried or self.hopeful or run.left >= 2):
                length = 2 if run.left >= 2 else 1
                self.style(run, end, length)
                run.left -= length
                self.shorten(run)


def _fits(opener: _Run, closer: _Run) -> bool:
    """Tell whether two runs make a pair, by CommonMark's rule of three."""
    if opener.marker != closer.marker or not opener.can_open or not opener.left:
        return False
    if opener.carried:
        return closer.left >= opener.left
    both = opener.can_close or closer.can_open
    if both and (opener.length + closer.length) % 3 == 0:
        return opener.length % 3 == 0 and closer.length % 3 == 0
    return True


def _is_mark(character: str) -> bool:
    """Tell whether `character` is punctuation or a symbol in CommonMark's sense."""
    if character.isascii():
        return character in _PUNCTUATION
    import unicodedata  # noqa: PLC0415

    return unicodedata.category(character)[0] in "PS"


def _multiplies(previous: str, following: str) -> bool:
    """Tell whether a lone asterisk stands between two factors: ``2*3``, ``a*b``."""
    both = previous + following
    return both.isascii() and both.isalnum()


def _code_text(text: str) -> str:
    """Return what a code span shows: line ends are spaces, one space of padding goes."""
    text = text.replace("\n", " ")
    if text.startswith(" ") and text.endswith(" ") and text.strip(" "):
        return text[1:-1]
    return text
