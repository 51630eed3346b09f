"""Lines of bash: cut into words as bash does, and words written so that bash takes them."""

from __future__ import annotations

_BLANKS = " \t\n"
_SPECIAL = frozenset(" \t\n\"'\\$`!&|;()<>*?[]{}~#=%^,")
_SPECIAL_IN_DOUBLE_QUOTES = frozenset('"\\$`')


class Line:
    """The words in front of the cursor.

    ``current`` is what the last one means so far, ``quote`` the quotation mark it is in. Only what
    stands behind the first ``kept`` characters of it is replaced by bash, which ends words also
    at ``:`` and others. ``is_file``: it stands behind ``>`` or ``<``.
    """

    # No dataclass: importing that module takes longer than all else here.
    __slots__ = ("current", "is_file", "kept", "quote", "words")

    def __init__(self, quote: str = "") -> None:
        self.words: list[str] = []
        self.current = ""
        self.kept = 0
        self.quote = quote
        self.is_file = False


def split(text: str, breaks: str) -> Line:
    """Return the words of `text`, a command up to the cursor; `breaks` is COMP_WORDBREAKS."""
    line = Line()
    in_word, is_escaped = False, False
    for character in text:
        if is_escaped:
            # Between double quotes a backslash stays in front of most characters.
            if line.quote and character not in _SPECIAL_IN_DOUBLE_QUOTES:
                line.current += "\\"
            line.current += character
            is_escaped = False
        elif character == "\\" and line.quote != "'":
            in_word = is_escaped = True
        elif line.quote:
            line.current += character.replace(line.quote, "")
            line.quote = line.quote.replace(character, "")
        elif character in "\"'":
            in_word = True
            line.quote = character
            line.kept = len(line.current)
        elif character in _BLANKS or character in "<>":
            if in_word and not line.is_file:
                line.words.append(line.current)
            if in_word or character in "<>":
                line.is_file = character in "<>"
            line.current, line.kept, in_word = "", 0, False
        else:
            in_word = True
            line.current += character
            if character in breaks:
                line.kept = len(line.current)
    return line


def written(word: str, line: Line) -> str:
    """Return what replaces the end of `line` for `word` to stand there."""
    rest = word[line.kept :]
    if not line.quote:
        return "".join(f"\\{c}" if c in _SPECIAL else c for c in rest)
    if line.quote == "'":
        rest = rest.replace("'", "'\\''")
    else:
        # Between double quotes nothing keeps ! from the history but single ones.
        rest = "".join(f"\\{c}" if c in _SPECIAL_IN_DOUBLE_QUOTES else c for c in rest)
        rest = rest.replace("!", "\"'!'\"")
    # Bash closes the quotation, but not where its mark is the last character already.
    return rest + line.quote if rest.endswith(line.quote) else rest
