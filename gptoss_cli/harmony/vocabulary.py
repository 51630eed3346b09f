"""Text to token ids and back, on the vocabulary inside the GGUF.

llama.cpp's own tokenizer is not used, for three reasons, each measured: it turns harmony's markers
in untrusted text into control tokens even when told not to; it dies of unbroken runs of some ten
thousand characters (std::regex recursion); and its approximation of o200k's split rule cuts words
at combining marks, which the model was not trained on. tiktoken is the reference's own tokenizer,
and ``encode`` never yields a control token by construction.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import regex
import tiktoken

# o200k_base's split rule (openai/tiktoken, tiktoken_ext/openai_public.py).
O200K_SPLIT = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
# fancy-regex, inside tiktoken, takes time that grows with the square of a run of blanks, and gives
# up on a very long one; texts with a long run are split by `regex`, by the same rule.
_LONG_BLANK_RUN = regex.compile(r"\s{256}")
_SPLIT = regex.compile(O200K_SPLIT)
_NORMAL = 1
_BYTES = 256


class ControlToken:
    """Names of harmony's control tokens, as they stand in the vocabulary."""

    START = "<|start|>"
    END = "<|end|>"
    MESSAGE = "<|message|>"
    CHANNEL = "<|channel|>"
    CONSTRAIN = "<|constrain|>"
    RETURN = "<|return|>"
    CALL = "<|call|>"
    END_OF_TEXT = "<|endoftext|>"


_MARKERS = frozenset(
    (
        ControlToken.START,
        ControlToken.END,
        ControlToken.MESSAGE,
        ControlToken.CHANNEL,
        ControlToken.CONSTRAIN,
        ControlToken.RETURN,
        ControlToken.CALL,
    )
)


def _byte_alphabet() -> dict[int, str]:
    """Return the 256 printable stand-ins for bytes that GPT-2 vocabularies are written in."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (b for b in range(256) if b not in printable)
    stand_ins = {b: chr(0x100 + i) for i, b in enumerate(others)}
    return {b: stand_ins.get(b) or chr(b) for b in range(256)}


class Vocabulary:
    """The token table of a model: `tokens` as written in the GGUF, and their `types`.

    `tokens` are strings in GPT-2's byte alphabet, `types` llama.cpp's token types (1 normal;
    3 control and 4 user-defined are harmony's markers, written as they are). A token's id is its
    rank in byte-pair encoding, as in every o200k vocabulary. ValueError when the table cannot be
    one: a byte without a token, a marker that is an ordinary token, a foreign character.
    """

    def __init__(self, tokens: Sequence[str], types: Sequence[int]) -> None:
        self._tokens = tokens
        self._control = {tokens[i]: i for i, kind in enumerate(types) if kind != _NORMAL}
        self._control_ids = frozenset(self._control.values())
        if not _MARKERS.issubset(self._control):
            raise ValueError("its markers are not control tokens")
        ordinary = ["" if i in self._control_ids else text for i, text in enumerate(tokens)]
        self._pieces = _spelled(ordinary)
        if len({piece for piece in self._pieces if len(piece) == 1}) != _BYTES:
            raise ValueError("its tokens are not made of the 256 bytes")
        self._encoding: tiktoken.Encoding | None = None
        self._piece_encoding: tiktoken.Encoding | None = None

    @property
    def size(self) -> int:
        """Number of entries, control tokens and unused ones included."""
        return len(self._tokens)

    def control(self, name: str) -> int:
        """Return the id of the control token `name`; KeyError if the model has none."""
        return self._control[name]

    def control_name(self, token: int) -> str | None:
        """Return the name of a control token, None for an ordinary one."""
        return self._tokens[token] if token in self._control_ids else None

    def piece(self, token: int) -> bytes:
        """Return the bytes of an ordinary token; control tokens have none."""
        return self._pieces[token]

    def pieces(self, tokens: Iterable[int]) -> list[tuple[str, bool]]:
        """Return what `tokens` spell, in pieces: text, or (True) the name of a control token."""
        pieces: list[tuple[str, bool]] = []
        for is_control, run in itertools.groupby(tokens, key=self._control_ids.__contains__):
            if is_control:
                pieces += [(self._tokens[token], True) for token in run]
            else:
                spelled = b"".join(map(self.piece, run))
                pieces.append((spelled.decode("utf-8", "replace"), False))
        return pieces

    def byte_pieces(self) -> Sequence[bytes]:
        """Return the bytes of every entry, in order of ids; those of control tokens are empty."""
        return self._pieces

    @property
    def control_ids(self) -> frozenset[int]:
        """The ids of all control tokens, unused ones included."""
        return self._control_ids

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`, all of them ordinary tokens, whatever markers it contains.

        Unpaired surrogates become U+FFFD. Any length and any content is accepted.
        """
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if not _LONG_BLANK_RUN.search(text):
            return self._prepared().encode_ordinary(text)
        if self._piece_encoding is None:
            self._piece_encoding = self._build_encoding(r"(?s:.+)")
        ids: list[int] = []
        for match in _SPLIT.finditer(text):
            ids += self._piece_encoding.encode_ordinary(match.group())
        return ids

    def prepare(self) -> None:
        """Build the encoder now (some 0.3 s for 200,000 tokens) rather than at the first text."""
        self._prepared()

    def _prepared(self) -> tiktoken.Encoding:
        if self._encoding is None:
            self._encoding = self._build_encoding(O200K_SPLIT)
        return self._encoding

    def _build_encoding(self, split: str) -> tiktoken.Encoding:
        ranks = {piece: i for i, piece in enumerate(self._pieces) if piece}
        return tiktoken.Encoding("gguf", pat_str=split, mergeable_ranks=ranks, special_tokens={})


def _spelled(texts: Sequence[str]) -> list[bytes]:
    """Return the bytes that `texts` stand for. ValueError at a character that stands for none.

    A character of the alphabet is one byte, so they are slices of all texts translated together.
    """
    from_stand_in = dict.fromkeys(range(_BYTES), "\uffff")  # which is not in latin-1
    from_stand_in |= {ord(char): chr(byte) for byte, char in _byte_alphabet().items()}
    try:
        joined = "".join(texts).translate(from_stand_in).encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("its tokens are not made of the 256 bytes") from None
    pieces = []
    start = 0
    for text in texts:
        end = start + len(text)
        pieces.append(joined[start:end])
        start = end
    return pieces
