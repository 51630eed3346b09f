"""Code in colour, line by line: comments, strings, numbers and keywords.

A line of code is printed for good as soon as it is complete, so all that passes from one line to
the next is what is still open: a block comment or a string over several lines. Unknown languages
stay plain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from gptoss_cli.ui import theme
from gptoss_cli.ui.cells import Row


@dataclass(frozen=True, slots=True)
class _Language:
    """What a family of languages has in common.

    ``blocks`` are (opener, closer, style) of what may reach over lines. ``quotes`` begin strings
    that end on their line.
    """

    comments: tuple[str, ...] = ()
    blocks: tuple[tuple[str, str, int], ...] = ()
    quotes: str = "\"'"
    keywords: frozenset[str] = frozenset()
    any_case: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_C_BLOCK = ("/*", "*/", theme.COMMENT)
_C_WORDS = """
auto bool break case catch char class const constexpr continue default delete do double else
enum explicit export extern false float for friend goto if inline int long namespace new nullptr
NULL operator override private protected public register return short signed sizeof static
struct switch template this throw true try typedef typename union unsigned using virtual void
volatile while
"""
_JAVA_WORDS = """
abstract as async await bool boolean break byte case catch char class const continue data
default defer do double else enum export extends extension false final finally float for fun
func function get guard if implements import in init instanceof int interface internal is let
long match mut namespace new nil null object of open override package private protected public
readonly return sealed self set short static string struct super switch this throw throws trait
true try type typeof undefined using val var void volatile when where while with yield
"""
_RUST_WORDS = """
as async await break const continue crate dyn else enum extern false fn for if impl in let loop
match mod move mut pub ref return self Self static struct super trait true type unsafe use where
while i32 i64 u8 u32 u64 usize f32 f64 bool str String Vec Option Result Some None Ok Err
"""
_GO_WORDS = """
break case chan const continue default defer else fallthrough false for func go goto if import
interface iota map nil package range return select string struct switch true type var int int64
float64 bool byte error make len append
"""
_PYTHON_WORDS = """
and as assert async await break case class continue def del elif else except False finally for
from global if import in is lambda match None nonlocal not or pass raise return self True try
while with yield
"""
_SHELL_WORDS = """
case do done elif else esac export fi for function if in local return select then until while
set unset source echo cd exit
"""
_SQL_WORDS = """
select from where and or not null is in as join left right inner outer full cross on group by
order having limit offset insert into values update set delete create table index view drop
alter add primary key foreign references unique default check constraint with union all distinct
case when then else end between like exists begin commit rollback returning over partition
integer int text varchar boolean real date timestamp asc desc
"""
_RUBY_WORDS = """
alias and begin break case class def defined? do else elsif end ensure false for if in module
next nil not or redo rescue retry return self super then true undef unless until when while
yield require attr_accessor puts local function repeat elseif
"""
_LISP_WORDS = "def defn defun let lambda if cond do fn ns define setq nil t true false loop recur"
_HASKELL_WORDS = """
case class data deriving do else if import in infix instance let module newtype of then type
where qualified
"""
_R_WORDS = "if else repeat while function for in next break TRUE FALSE NULL NA library return"

_CLIKE = (_C_BLOCK, ("`", "`", theme.STRING))
_FAMILIES: dict[str, _Language] = {
    "c cpp c++ cc h hpp cuda objc glsl arduino": _Language(
        ("//",), (_C_BLOCK,), keywords=_words(_C_WORDS)
    ),
    "java js javascript jsx ts typescript tsx kotlin kt swift scala cs csharp c# dart php groovy "
    "proto": _Language(("//",), _CLIKE, keywords=_words(_JAVA_WORDS)),
    "rust rs zig": _Language(("//",), (_C_BLOCK,), '"', _words(_RUST_WORDS)),
    "go golang": _Language(("//",), _CLIKE, keywords=_words(_GO_WORDS)),
    "python py python3 pycon ipython": _Language(
        ("#",),
        (('"""', '"""', theme.STRING), ("'''", "'''", theme.STRING)),
        keywords=_words(_PYTHON_WORDS),
    ),
    "sh bash zsh shell console shell-session fish dockerfile docker make makefile": _Language(
        ("#",), keywords=_words(_SHELL_WORDS)
    ),
    "powershell ps1": _Language(
        ("#",), (("<#", "#>", theme.COMMENT),), keywords=_words(_SHELL_WORDS), any_case=True
    ),
    "sql sqlite postgresql mysql": _Language(
        ("--",), (_C_BLOCK,), keywords=_words(_SQL_WORDS), any_case=True
    ),
    "json json5 jsonc jsonl": _Language(
        ("//",), (_C_BLOCK,), '"', keywords=_words("true false null")
    ),
    "yaml yml toml ini cfg conf properties env hcl terraform tf": _Language(
        ("#", ";"), keywords=_words("true false null yes no on off")
    ),
    "ruby rb elixir ex crystal perl pl julia jl nim": _Language(
        ("#",), keywords=_words(_RUBY_WORDS)
    ),
    "lua": _Language(("--",), (("--[[", "]]", theme.COMMENT),), keywords=_words(_RUBY_WORDS)),
    "html xml svg vue": _Language((), (("<!--", "-->", theme.COMMENT),)),
    "css scss sass less": _Language((), (_C_BLOCK,)),
    "lisp clojure clj scheme elisp racket": _Language((";",), (), '"', _words(_LISP_WORDS)),
    "haskell hs elm": _Language(
        ("--",), (("{-", "-}", theme.COMMENT),), '"', _words(_HASKELL_WORDS)
    ),
    "r": _Language(("#",), keywords=_words(_R_WORDS)),
    "latex tex matlab erlang": _Language(("%",), quotes='"'),
}
_DIFF = _words("diff patch udiff")


@cache
def _language(name: str) -> _Language | None:
    for names, language in _FAMILIES.items():
        if name in names.split():
            return language
    return None


@cache
def _pattern(language: _Language) -> re.Pattern[str]:
    """Return what to look for: whatever comes first on the line wins."""
    openers = sorted((opener for opener, _, _ in language.blocks), key=len, reverse=True)
    parts = [f"(?P<block>{'|'.join(map(re.escape, openers))})"] if openers else []
    if language.comments:
        # A number sign inside a word or an address is not a comment.
        marks = "|".join(map(re.escape, language.comments))
        before = r"(?<![\w$\\:])" if {"#", ";", "//"} & set(language.comments) else ""
        parts.append(f"(?P<comment>{before}(?:{marks}).*)")
    parts += [
        "(?P<string>" + "|".join(rf"{q}(?:[^{q}\\]|\\.)*{q}" for q in language.quotes) + ")",
        r"(?P<number>(?<![\w.])(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?\d+)?)(?!\w))",
        r"(?P<word>[^\W\d]\w*)",
    ]
    return re.compile("|".join(parts))


class Highlighter:
    """Colours the lines of one code block in `language`, the first word after the fence."""

    def __init__(self, language: str) -> None:
        name = language.lower().strip("{}.")
        self._diff = name in _DIFF
        self._language = _language(name)
        # What is open from an earlier line: its closer and its style.
        self._open: tuple[str, int] | None = None

    def line(self, text: str) -> Row:
        """Return `text`, one line, with styles; joined it reads the same."""
        if self._diff:
            return [(text, _diff_style(text))]
        language = self._language
        if language is None:
            return [(text, theme.PLAIN)]
        row: Row = []
        position = self._close(text, 0, row)
        pattern, keywords = _pattern(language), language.keywords
        while position < len(text):
            match = pattern.search(text, position)
            if match is None:
                break
            kind, token = match.lastgroup, match.group()
            if kind == "word":
                known = token.lower() in keywords if language.any_case else token in keywords
                style = theme.KEYWORD if known else theme.PLAIN
            else:
                style = _STYLES.get(kind or "", theme.PLAIN)
            if match.start() > position:
                _append(row, text[position : match.start()], theme.PLAIN)
            if kind == "block":
                position = self._begin(token, text, match, row)
                continue
            _append(row, token, style)
            position = match.end()
        if position < len(text):
            _append(row, text[position:], theme.PLAIN)
        return row

    def _begin(self, opener: str, text: str, match: re.Match[str], row: Row) -> int:
        """Open what may reach over lines; return the position after what is on this one."""
        assert self._language is not None
        for known, closer, style in self._language.blocks:
            if known == opener:
                self._open = (closer, style)
                _append(row, opener, style)
        return self._close(text, match.end(), row)

    def _close(self, text: str, position: int, row: Row) -> int:
        """Go on with what is open from `position`; return the position after it."""
        if self._open is None:
            return position
        closer, style = self._open
        end = text.find(closer, position)
        if end < 0:
            _append(row, text[position:], style)
            return len(text)
        self._open = None
        _append(row, text[position : end + len(closer)], style)
        return end + len(closer)


_STYLES = {"comment": theme.COMMENT, "string": theme.STRING, "number": theme.NUMBER}


def _append(row: Row, text: str, style: int) -> None:
    if not text:
        return
    if row and row[-1][1] == style:
        row[-1] = (row[-1][0] + text, style)
    else:
        row.append((text, style))


def _diff_style(text: str) -> int:
    if text.startswith(("+++", "---", "@@", "diff ", "index ")):
        return theme.FAINT
    if text.startswith("+"):
        return theme.STRING
    return theme.KEYWORD if text.startswith("-") else theme.PLAIN
