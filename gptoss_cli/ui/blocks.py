r"""How blocks begin: the first characters of a line that say what it is.

The expressions are those of CommonMark (https://spec.commonmark.org/0.31.2/#leaf-blocks) for a line
without its containers and its indent, and formulas between ``\[`` and ``\]`` or ``$$``.
"""

from __future__ import annotations

import re

DEFINITION = re.compile(r"\[[^\]^][^\]]*\]: +\S")
LIST = re.compile(r"(?P<mark>[-*+]|(?P<number>[0-9]{1,9})(?P<delim>[.)]))(?P<space> +|$)")
RULE = re.compile(r"(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$")
SETEXT = re.compile(r"(?P<mark>=+|-+) *$")
HEADING = re.compile(r"(?P<level>#{1,6})(?: +|$)")
CLOSING_MARKS = re.compile(r"(?:^| +)#+ *$")
_FENCE = re.compile(r"(?P<fence>`{3,}|~{3,}) *(?P<info>.*)$")
HTML_BLOCK = re.compile(
    r"</?(?:address|article|aside|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir"
    r"|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html"
    r"|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search"
    r"|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)(?:\s|/?>|$)",
    re.IGNORECASE,
)
HTML_ALONE = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*)?/?> *$")
FORMULAS = {"\\[": "\\]", "$$": "$$"}
_HTML_UNTIL = {
    "<script": "</script>",
    "<pre": "</pre>",
    "<style": "</style>",
    "<textarea": "</textarea>",
    "<!--": "-->",
    "<?": "?>",
}


def fence(stripped: str) -> re.Match[str] | None:
    """Return the groups ``fence`` and ``info`` when a code block begins here."""
    match = _FENCE.match(stripped)
    if match is not None and match["fence"][0] == "`" and "`" in match["info"]:
        return None
    return match


def closer_of(stripped: str) -> str | None:
    """Return what ends the HTML or the formula that begins here and not on the same line."""
    lowered = stripped.lower()
    for opener, closer in FORMULAS.items():
        if stripped.startswith(opener):
            return None if closer in stripped[2:] else closer
    for opener, closer in _HTML_UNTIL.items():
        if lowered.startswith(opener):
            return closer
    return None
