"""The vocabulary: byte-pair merges learned from the training prompts, then harmony's markers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import regex
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from gptoss_cli.harmony.vocabulary import O200K_SPLIT, Vocabulary

CONTROL = (
    "<|startoftext|>",
    "<|endoftext|>",
    "<|return|>",
    "<|constrain|>",
    "<|channel|>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|call|>",
)
_SPLIT = regex.compile(O200K_SPLIT)
_NUMBER = regex.compile(r"\p{N}")
_BLANK_WORD = regex.compile(r" (\p{L}.*)", regex.DOTALL)
_OFTEN = 1000
_NORMAL_TYPE, _CONTROL_TYPE = 1, 3


def byte_alphabet() -> list[str]:
    """Return the printable stand-in of each byte, as in GPT-2's vocabularies."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(b) if b in printable else chr(next(others)) for b in range(256)]


def learn(
    texts: Iterable[str], size: int, whole: Iterable[str], scaffold: Iterable[str]
) -> list[str]:
    """Return the tokens of a vocabulary of about `size` entries: bytes, merges, markers.

    Numbers take no part, so that every digit stays a token of its own. A word is the same tokens
    after a blank as after a quotation mark or at the start of a line, so that copying it is
    copying tokens: blanks are not merged with letters, but for the words of `scaffold`, texts that
    stand in most prompts and are never copied. Names in `whole` are learned before all else, so
    that each is one token, whatever particle follows it.
    """
    words: Counter[str] = Counter()
    for text in texts:
        for match in _SPLIT.finditer(text):
            if not _NUMBER.search(match.group()):
                words[_BLANK_WORD.sub(r"\1", match.group())] += 1
    for name in whole:
        for word in name.split():
            words[word] += _OFTEN
    fixed = {
        match.group()
        for text in scaffold
        for match in _SPLIT.finditer(text)
        if _BLANK_WORD.fullmatch(match.group())
    }
    for word in fixed:
        words[word.lstrip()] += _OFTEN
    spare = len(CONTROL) + len(fixed)
    tokens = [*byte_alphabet(), *_merged(words, size - spare)]
    tokens += sorted(_letters(word) for word in fixed if _letters(word[1:]) in tokens)
    return [*tokens, *CONTROL]


def _letters(word: str) -> str:
    alphabet = byte_alphabet()
    return "".join(alphabet[b] for b in word.encode())


def _merged(words: Counter[str], size: int) -> list[str]:
    """Return the merged tokens of a vocabulary of `size` entries, in the order of their merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Split("\n", "removed")
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=byte_alphabet(),
        show_progress=False,
    )
    # The stand-in alphabet has no newline, so one parts the words.
    lines = ("\n".join([_letters(word)] * count) for word, count in sorted(words.items()))
    tokenizer.train_from_iterator(lines, trainer)
    ids = tokenizer.get_vocab()
    return [token for _, token in sorted((i, t) for t, i in ids.items() if len(t) > 1)]


def types(tokens: list[str]) -> list[int]:
    """Return llama.cpp's type of each token."""
    return [_CONTROL_TYPE if token in CONTROL else _NORMAL_TYPE for token in tokens]


def vocabulary(tokens: list[str]) -> Vocabulary:
    """Return the program's own vocabulary of `tokens`."""
    return Vocabulary(tokens, types(tokens))


def merges(tokens: list[str]) -> list[str]:
    """Return the pair each merged token is made of, as llama.cpp wants them."""
    ranks = {token: i for i, token in enumerate(tokens) if token not in CONTROL}
    pairs = []
    for token, rank in ranks.items():
        parts = list(token)
        while len(parts) > 2:
            joined = [(ranks.get(a + b, rank), i) for i, (a, b) in enumerate(pairwise(parts))]
            _, i = min(joined)
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        if len(token) > 1:
            pairs.append(" ".join(parts))
    return pairs
