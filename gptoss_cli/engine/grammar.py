"""Grammars: what llguidance can hold an answer to, whether it can, and which tokens follow it.

llguidance follows a grammar byte by byte, with an Earley parser on lexemes that are derivatives of
regular expressions: nothing is compiled in advance. It bounds its own work; a grammar beyond its
limits is an error, when it is checked or while an answer is written.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

from gptoss_cli.engine.base import Grammar
from gptoss_cli.engine.exponents import DigitTokens, ExponentLimit
from gptoss_cli.engine.worker import run_elsewhere
from gptoss_cli.errors import UnmetFormError

# A model likes ", " and ": ", or lines that are indented; more blanks in a row say nothing, and
# a model that has begun on them may never end.
_JSON_OPTIONS: Final[Any] = {
    "whitespace_pattern": r"[ ]|\n[ \t]{0,32}",
    "lenient": False,
    "coerce_one_of": False,
}
_END_OF_TURN: Final = 256
_MOST_CHARACTERS: Final = 200
_TRIED_STEPS: Final = 64
_TRIED_S: Final = 1.0
# The tokens that can stand anywhere in a string, tested once and not for each mask: a mask takes
# 0.2 ms instead of 4. More such sets cost more to make than they give.
_INSIDE_STRINGS: Final = r'[^"\\\x00-\x1F\x7F]+'
_REGEX_ERROR: Final = re.compile(r"regex parse error: .*error: ([^|]*?)(?: [0-9]+ \|.*)?$")
# What speaks of llguidance's own options is said otherwise.
_IN_OTHER_WORDS: Final = {
    "oneOf constraints are not supported": "oneOf whose branches may overlap",
    "schema too large": "it has too many combinations",
    "NoExtensionBias": "nothing follows it",
}
_bytes: LLTokenizer | None = None


def json_grammar(schema: object) -> Grammar:
    """Return the grammar of the JSON values that follow `schema`, parsed JSON of draft 2020-12.

    What llguidance cannot enforce is found by ``check``.
    """
    return Grammar(
        LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=_JSON_OPTIONS),
        is_json=True,
    )


def regex_grammar(pattern: str) -> Grammar:
    """Return the grammar of the texts that as a whole match `pattern`, in the syntax of Rust's
    regex crate.
    """
    return Grammar(LLMatcher.grammar_from_regex(pattern))


def lark_grammar(text: str) -> Grammar:
    """Return the grammar that `text` is, in llguidance's variant of Lark's syntax."""
    return Grammar(LLMatcher.grammar_from_lark(text))


class UnsatisfiableError(UnmetFormError):
    """Nothing follows it."""


def check(grammar: Grammar) -> None:
    """Raise UnmetFormError, a few words, if `grammar` cannot be enforced or no text follows it.

    No model is needed. It takes up to seconds, in which the calling thread hears Ctrl-C, and a
    stack that not every thread has.
    """
    run_elsewhere("gptoss-grammar", lambda: _check(grammar))


def _check(grammar: Grammar) -> None:
    matcher = LLMatcher(_bytes_tokenizer(), grammar.source, log_level=0)
    begins = not matcher.is_error() and (matcher.is_accepting() or _allows_text(matcher))
    if matcher.is_error():
        why = _first_words(matcher.get_error())
        raise (UnsatisfiableError if "nsatisfiable" in why else UnmetFormError)(why)
    if not begins:
        raise UnsatisfiableError("nothing follows it")
    _try_out(matcher)


def _try_out(matcher: LLMatcher) -> None:
    """Follow some text a few steps: limits are not all found before that. Raises UnmetFormError."""
    end_s = time.monotonic() + _TRIED_S
    for _ in range(_TRIED_STEPS):
        if matcher.is_stopped() or time.monotonic() > end_s:
            break
        mask = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        allowed = np.flatnonzero(np.unpackbits(mask, bitorder="little")[:_END_OF_TURN])
        if not len(allowed) or matcher.try_consume_tokens([int(allowed[0])]) != 1:
            break
    if matcher.is_error():
        raise UnmetFormError(_first_words(matcher.get_error()))


def matches(grammar: Grammar, text: str) -> bool:
    """Whether `text` follows `grammar` from its first character to its last."""
    written = text.encode("utf-8", "surrogatepass")
    matcher = LLMatcher(_bytes_tokenizer(), grammar.source, log_level=0)
    return matcher.try_consume_tokens(list(written)) == len(written) and matcher.is_accepting()


class TokenTable:
    """A model's tokens as llguidance needs them; 0.7 s for 200,000, during which the GIL is held.

    `pieces` are the bytes of each entry, `control` the ids that no text is made of, `end_of_turn`
    one of them.
    """

    def __init__(self, pieces: Sequence[bytes], control: Collection[int], end_of_turn: int) -> None:
        self.pieces = pieces
        self.digit_tokens = DigitTokens(pieces)
        # With the mark 0xFF, which begins no character, a token is not text to llguidance.
        tokens = list(pieces)
        for token in control:
            tokens[token] = b"\xff<%d>" % token
        self.tokenizer = LLTokenizer(
            _wrapped(tokens, sorted(control), end_of_turn), slices=[_INSIDE_STRINGS]
        )


class TextConstraint:
    """Follows a grammar through one text, token by token."""

    def __init__(self, grammar: Grammar, table: TokenTable) -> None:
        self._matcher = LLMatcher(table.tokenizer, grammar.source, log_level=0)
        self._exponents: ExponentLimit | None = None
        if grammar.is_json:
            self._exponents = ExponentLimit(table.pieces, table.digit_tokens)
        self._size = len(table.pieces)
        self._bits = np.zeros(-(-self._size // 32), dtype=np.int32)

    @property
    def may_end(self) -> bool:
        """Whether the text can end here."""
        return self._matcher.is_accepting()

    def accept(self, token: int) -> bool:
        """Go on with `token`, which is no control token; False if the grammar refuses it."""
        exponents = self._exponents
        if exponents is not None and not exponents.allows(token):
            return False
        if self._matcher.try_consume_tokens([token]) != 1:
            return False
        if exponents is not None:
            exponents.advance(token)
        return True

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tokens the grammar allows, shape [vocabulary size].

        What it says of control tokens means nothing. Raises UnmetFormError at llguidance's limits.
        """
        matcher, bits = self._matcher, self._bits
        if matcher.is_stopped() and not matcher.is_error():
            return np.zeros(self._size, dtype=np.bool_)
        try:
            matcher.unsafe_compute_mask_ptr(bits.ctypes.data, bits.nbytes)
        except ValueError as error:
            raise _too_complex(str(error)) from error
        if matcher.is_error():
            raise _too_complex(matcher.get_error())
        unpacked = np.unpackbits(bits.view(np.uint8), bitorder="little", count=self._size)
        mask = unpacked.astype(np.bool_)
        if self._exponents is not None:
            mask[self._exponents.refused()] = False
        return mask


class _Tokens:
    """What llguidance asks a tokenizer for."""

    def __init__(self, tokens: list[bytes], special: list[int], end_of_turn: int) -> None:
        self.tokens = tokens
        self.special_token_ids = special
        self.eos_token_id = end_of_turn
        self.bos_token_id = None

    def __call__(self, text: bytes) -> list[int]:
        # Asked for only where tokens are forced, which they are not here.
        return list(text)


def _wrapped(tokens: list[bytes], special: list[int], end_of_turn: int) -> TokenizerWrapper:
    return TokenizerWrapper(_Tokens(tokens, special, end_of_turn))


def _bytes_tokenizer() -> LLTokenizer:
    global _bytes  # noqa: PLW0603 - made once, when first needed
    if _bytes is None:
        tokens = [bytes([i]) for i in range(256)]
        _bytes = LLTokenizer(
            _wrapped([*tokens, b"\xff<end>"], [_END_OF_TURN], _END_OF_TURN), slices=[]
        )
    return _bytes


def _allows_text(matcher: LLMatcher) -> bool:
    mask = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), np.uint8), bitorder="little")
    return bool(mask[:_END_OF_TURN].any())


def _too_complex(message: str) -> UnmetFormError:
    return UnmetFormError(
        f"the grammar cannot be followed any further: {_first_words(message)}.",
        hint="a simpler schema or grammar",
    )


def _first_words(message: str) -> str:
    """Return the first line of what llguidance says, without the state of its parser."""
    line = " ".join(message.partition("<state>")[0].split())
    if error := _REGEX_ERROR.search(line):
        line = f"it is no regular expression: {error[1]}"
    for said, meant in _IN_OTHER_WORDS.items():
        if said in line:
            return meant
    return (line[:_MOST_CHARACTERS] + "…" if len(line) > _MOST_CHARACTERS else line).rstrip(".")
