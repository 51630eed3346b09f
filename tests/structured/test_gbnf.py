"""GBNF grammars accept here what llama.cpp accepts, whatever their rules are cut into."""

from __future__ import annotations

from pathlib import Path

import pytest

from gptoss_cli.engine.grammar import matches
from gptoss_cli.errors import UnmetFormError, UsageError
from gptoss_cli.structured.form import grammar_form

# From llama.cpp's grammars/ (MIT licence).
JSON = r"""
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

# Optional space: by convention, applied in this grammar after literal chars when allowed
ws ::= | " " | "\n" [ \t]{0,20}
"""
ARITHMETIC = r"""
root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
"""
LIST = r"""
root ::= item+

# Excludes various line break characters
item ::= "- " [^\r\n\x0b\x0c\x85\u2028\u2029]+ "\n"
"""
CHESS = r"""
root    ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")+
move    ::= (pawn | nonpawn | castle) [+#]?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
pawn    ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
castle  ::= "O-O" "-O"?
"""
JAPANESE = r"""
root        ::= jp-char+ ([ \t\n] jp-char+)*
jp-char     ::= hiragana | katakana | punctuation | cjk
hiragana    ::= [ぁ-ゟ]
katakana    ::= [ァ-ヿ]
punctuation ::= [、-〾]
cjk         ::= [一-鿿]
"""


@pytest.mark.parametrize(
    ("grammar", "accepted", "refused"),
    [
        (JSON, ['{"a": [1, -2.5e3, "x\\n"], "b":\n  null}', "{}"], ['{"a"}', "[1]", '{"a":01}']),
        (ARITHMETIC, ["x+1=2\n", "(a*b)-3 = c\n"], ["x+=1\n", "x=1"]),
        (LIST, ["- a\n- b é\n"], ["a\n", "- \n", "- a\u2028\n"]),
        (CHESS, ["1. e4 e5\n2. Nf3 O-O-O\n"], ["1. e4 e5\n", "2. e4 e5\n"]),
        (JAPANESE, ["日本語 です。"], ["abc"]),
        # A rule that takes as much as it can leaves nothing for the next one.
        ("root ::= a b\na ::= [a-z]+\nb ::= [a-z]", ["ab", "abc"], ["a", ""]),
        (
            'root ::= a b r?\nr ::= "(" root ")"\na ::= [a-z]+\nb ::= [a-z] | "abc"',
            ["ab", "abc(ab)", "xabc(abc)"],
            ["a", "ab("],
        ),
        ('root ::= root "a" | "b"', ["b", "baa"], ["", "a"]),
        ("root ::= . .", ["\nb", "é😀"], ["a"]),
        ('root ::= "a" | ', ["a", ""], ["b"]),
        (r'root ::= "\u0041\x42\U0001F600" [^\]\-]', ["AB😀x"], ["AB😀]", "AB😀-"]),
        ("root ::= [a-c&&b~]{2}", ["a&", "~b"], ["d&"]),
        ('root ::= ("x" "y"){2,3}', ["xyxy"], ["xy", "xyxyxyxy"]),
    ],
)
def test_grammars_accept_what_llama_cpp_accepts(tmp_path, grammar, accepted, refused):
    path = tmp_path / "a.gbnf"
    path.write_text(grammar, "utf-8")
    form = grammar_form(path)
    assert [text for text in accepted if not matches(form.grammar, text)] == []
    assert [text for text in refused if matches(form.grammar, text)] == []
    assert form.read(accepted[0]) == accepted[0]
    with pytest.raises(UnmetFormError, match="does not follow"):
        form.read(refused[0])


@pytest.mark.parametrize(
    ("grammar", "why"),
    [
        ("", "no rule root"),
        ('start ::= "a"', "no rule root"),
        ("root ::= a", "no rule a, which root uses"),
        ('root ::= "a', "ends too early, in line 1"),
        ('root ::= "a"\nroot ::= "b"', "root is there twice"),
        ('root = "a"', "::= is missing"),
        ('root ::= ("a"', r"\) is missing"),
        (r'root ::= "\q"', "escape"),
        ("root ::= <|think|>", "not expected"),
        ('root ::= a\na ::= "x" a', "never end"),
        ("root ::= " + "(" * 5000, "nested"),
        ('root ::= "a"{99999}', "repeated"),
        ("root ::= [b-a]", "out of order"),
    ],
)
def test_what_is_no_grammar_is_said_with_its_place(tmp_path, grammar, why):
    path = tmp_path / "a.gbnf"
    path.write_text(grammar, "utf-8")
    with pytest.raises(UnmetFormError, match=why):
        grammar_form(path)


def test_a_grammar_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        grammar_form(Path(tmp_path / "none.gbnf"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not UTF-8"):
        grammar_form(tmp_path / "binary")
