"""A file with the KV of a sequence: tokens, the whole state, and checkpoints of the window.

llama.cpp asserts, that is ends the process, on some states that are cut off or damaged. So all of a
file is checked before it sees a byte: its length to the byte, and a CRC-32 of every part.

``magic, header length, header's CRC-32 | header: JSON | tokens: int32 | state | checkpoints``, with
numbers little-endian.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

FORMAT: Final = 1
_PRELUDE: Final = struct.Struct("<8sII")
_MAGIC: Final = b"gptossKV"
_MOST_HEADER_BYTES: Final = 1 << 16
_MOST_TOKENS: Final = 1 << 24
_CHUNK_BYTES: Final = 8 << 20
_TOKEN_BYTES: Final = 4

Tokens = NDArray[np.int32]


class DamagedError(Exception):
    """The file is not what was written, or of another version. Only for who reads it here."""


class AbandonedError(Exception):
    """The writing was given up halfway."""


@dataclass(frozen=True, slots=True)
class Section:
    """What llama.cpp made of the sequence when it had `n_tokens` tokens, as bytes."""

    n_tokens: int
    content: memoryview


@dataclass(frozen=True, slots=True)
class KVState:
    """A sequence: its `tokens`, its ``state`` at their end, ``checkpoints`` (the cells of the
    sliding window) at earlier places.
    """

    tokens: Tokens
    state: Section
    checkpoints: tuple[Section, ...] = ()

    @property
    def n_bytes(self) -> int:
        """What it takes, without the header."""
        sections = (self.state, *self.checkpoints)
        return self.tokens.nbytes + sum(s.content.nbytes for s in sections)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose state it is: the `key` of all that decides it, and for people the name of the `model`
    and the id of the `session`, or nothing.
    """

    key: str
    model: str
    session: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The place of one part in a file, and its checksum; ``n_tokens`` as in ``Section``."""

    n_tokens: int
    n_bytes: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself. ``parts``: tokens, state, checkpoints."""

    origin: Origin
    parts: tuple[Part, ...]
    offset: int

    @property
    def n_tokens(self) -> int:
        """How many tokens the sequence has."""
        return self.parts[0].n_tokens

    @property
    def total_bytes(self) -> int:
        """The length of the file."""
        return self.offset + sum(part.n_bytes for part in self.parts)

    def usable(self, shared: int) -> int:
        """Return how many tokens can be gone on from, if `shared` of them are wanted."""
        places = [part.n_tokens for part in self.parts[1:]]
        return max((n for n in places if n <= shared), default=0)


def write(file: BinaryIO, origin: Origin, state: KVState, is_abandoned: Callable[[], bool]) -> None:
    """Write `state` to an empty file. Raises OSError, or AbandonedError once that is asked for."""
    tokens = np.ascontiguousarray(state.tokens, dtype="<i4").data.cast("B")
    contents = [(len(state.tokens), tokens)]
    contents += [(s.n_tokens, s.content.cast("B")) for s in (state.state, *state.checkpoints)]
    header = {
        "format": FORMAT,
        "key": origin.key,
        "model": origin.model,
        "session": origin.session,
        "parts": [(n_tokens, len(c), _crc32(c, is_abandoned)) for n_tokens, c in contents],
    }
    encoded = json.dumps(header).encode()
    file.write(_PRELUDE.pack(_MAGIC, len(encoded), zlib.crc32(encoded)) + encoded)
    for _, content in contents:
        file.writelines(_chunks(content, is_abandoned))


def read_header(file: BinaryIO) -> Header:
    """Return the header of a file whose length is right. Raises DamagedError or OSError."""
    size = os.fstat(file.fileno()).st_size
    prelude = file.read(_PRELUDE.size)
    if len(prelude) < _PRELUDE.size:
        raise DamagedError
    magic, length, crc32 = _PRELUDE.unpack(prelude)
    if magic != _MAGIC or length > _MOST_HEADER_BYTES:
        raise DamagedError
    encoded = file.read(length)
    if len(encoded) < length or zlib.crc32(encoded) != crc32:
        raise DamagedError
    header = _header(json.loads(encoded), _PRELUDE.size + length)
    if header.total_bytes != size:
        raise DamagedError
    return header


def read_tokens(file: BinaryIO, header: Header) -> Tokens:
    """Return the tokens, right behind ``read_header``. Raises DamagedError or OSError."""
    return np.frombuffer(_read(file, header.parts[0]), dtype="<i4")


def read_state(file: BinaryIO, header: Header, tokens: Tokens) -> KVState:
    """Return all, right behind ``read_tokens``. Raises DamagedError, OSError or MemoryError."""
    sections = [Section(part.n_tokens, _read(file, part)) for part in header.parts[1:]]
    return KVState(tokens, sections[0], tuple(sections[1:]))


def _header(content: Any, offset: int) -> Header:
    # The checksum was right, so this is what some version of this program wrote.
    if content["format"] != FORMAT:
        raise DamagedError
    parts = tuple(Part(*numbers) for numbers in content["parts"])
    tokens, state = parts[:2]
    is_sound = 0 < tokens.n_tokens == state.n_tokens <= _MOST_TOKENS
    if not is_sound or tokens.n_bytes != tokens.n_tokens * _TOKEN_BYTES:
        raise DamagedError
    origin = Origin(content["key"], content["model"], content["session"])
    if not all(isinstance(text, str) for text in (origin.key, origin.model, origin.session)):
        raise DamagedError
    return Header(origin, parts, offset)


def _read(file: BinaryIO, part: Part) -> memoryview:
    content = np.empty(part.n_bytes, dtype=np.uint8).data
    crc32, start = 0, 0
    while start < part.n_bytes:  # the checksum takes what is in the processor's cache still
        read = file.readinto(content[start : start + _CHUNK_BYTES])  # type: ignore[attr-defined]
        if not read:
            raise DamagedError
        crc32 = zlib.crc32(content[start : start + read], crc32)
        start += read
    if crc32 != part.crc32:
        raise DamagedError
    return content


def _crc32(content: memoryview, is_abandoned: Callable[[], bool]) -> int:
    crc32 = 0
    for chunk in _chunks(content, is_abandoned):
        crc32 = zlib.crc32(chunk, crc32)
    return crc32


def _chunks(content: memoryview, is_abandoned: Callable[[], bool]) -> Iterator[memoryview]:
    for start in range(0, len(content), _CHUNK_BYTES):
        if is_abandoned():
            raise AbandonedError
        yield content[start : start + _CHUNK_BYTES]
