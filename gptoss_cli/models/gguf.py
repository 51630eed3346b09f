"""Read the header of a GGUF file without trusting it.

llama.cpp ends the process on some damaged headers (an assertion or a signal), so nothing reaches
it that has not been read here first: every count and length is checked against the file's size
before it is used, and every tensor must lie inside the file.

The format is ggml's docs/gguf.md: magic, version, counts, key-value pairs, tensor table, padding
to ``general.alignment``, tensor contents. Numbers are little-endian.
"""

from __future__ import annotations

import mmap
import os
import reprlib
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gptoss_cli.errors import ModelFileError

_MAGIC: Final = b"GGUF"
_VERSIONS: Final = (2, 3)
_STRING: Final = 8
_ARRAY: Final = 9
_BOOL: Final = 7
# struct formats of the scalar value types, by their number in the file
_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_SCALARS_ALL: Final = {**_SCALARS, 12: "d"}
_MAX_PAIRS: Final = 65_536
_MAX_TENSORS: Final = 65_536
_MAX_KEY_BYTES: Final = 65_535
# Python takes up to four bytes for each of a text. gpt-oss has 20 kB outside of lists, most of it
# the chat template, and 9 MB of merges.
_MAX_STRING_BYTES: Final = 1 << 20
_MAX_STRINGS_BYTES: Final = 1 << 23
_MAX_LIST_BYTES: Final = 3 << 23
# gpt-oss has 0.85 million: 201,088 tokens, as many types, 446,189 merges.
_MAX_ARRAY_ITEMS: Final = 1_500_000
# gpt-oss has 13 MB.
_MAX_HEADER_BYTES: Final = 1 << 26
_MAX_DIMENSIONS: Final = 4

# ggml tensor types: name, elements in a block, bytes of a block (ggml.c, type_traits). Those that
# exist only between two operations (Q8_1, Q8_K) are left out: llama.cpp dies of such weights.
TENSOR_TYPES: Final[dict[int, tuple[str, int, int]]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One row of the tensor table; ``shape`` in ggml's order, fastest dimension first."""

    name: str
    shape: tuple[int, ...]
    type_name: str
    offset: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What stands before the tensors. ``data_offset`` and ``file_bytes`` are in bytes."""

    path: Path
    metadata: dict[str, Any]
    tensors: tuple[TensorInfo, ...]
    data_offset: int
    file_bytes: int

    @property
    def promised_bytes(self) -> int:
        """Size the file must have for every tensor to be inside it."""
        ends = (t.offset + t.n_bytes for t in self.tensors)
        return self.data_offset + max(ends, default=0)


@dataclass(frozen=True, slots=True, repr=False)
class Texts:
    """A list of texts as it stands in a header: measured, and decoded only for who iterates.

    Nobody does over the merges, which are two thirds of all texts: they follow from the tokens.
    ``data`` begins at byte ``start`` of the file; ``ends``: where in the file each text does.
    """

    data: bytes
    start: int
    ends: array[int]

    def __repr__(self) -> str:
        return f"a list of {len(self):,} texts"

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[str]:
        data, first = self.data, self.start
        start = 8  # behind the length
        for end in self.ends:
            yield data[start : end - first].decode("utf-8", "surrogateescape")
            start = end - first + 8


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def shown(value: object) -> str:
    """Return what stands in a header for a message: it may be megabytes of text."""
    return _short.repr(value)


class _DamagedError(Exception):
    """The bytes cannot be a GGUF header; the message says where."""


class _EndsError(_DamagedError):
    """The header goes on past the bytes there are."""


class _Reader:
    """A cursor over the beginning of a file that refuses to step outside it."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self.data = data
        self.limit = min(len(data), _MAX_HEADER_BYTES)
        self.position = 0
        self.items_left = _MAX_ARRAY_ITEMS
        self.string_bytes_left = _MAX_STRINGS_BYTES

    def take(self, size: int) -> bytes:
        end = self.position + size
        if size < 0 or end > self.limit:
            raise _EndsError(f"the header goes on past byte {self.limit:,}")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def number(self, code: str) -> Any:
        layout = struct.Struct("<" + code)
        return layout.unpack(self.take(layout.size))[0]

    def string(self, most: int = _MAX_STRING_BYTES) -> str:
        length = self.number("Q")
        if length > min(most, self.string_bytes_left):
            raise _DamagedError(f"a text of {length:,} bytes at byte {self.position:,}")
        self.string_bytes_left -= length
        return self.take(length).decode("utf-8", "surrogateescape")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self._array()
        code = _SCALARS_ALL.get(kind)
        if code is None:
            raise _DamagedError(f"a value of unknown type {kind} at byte {self.position:,}")
        if kind == _BOOL:
            # Any byte but 0 and 1 is not a bool; llama.cpp would read it as one all the same.
            byte = self.number("B")
            if byte > 1:
                raise _DamagedError(f"a truth value of {byte} at byte {self.position:,}")
            return bool(byte)
        return self.number(code)

    def _array(self) -> list[Any] | Texts:
        kind, count = self.number("I"), self.number("Q")
        if count > self.items_left:
            raise _DamagedError(f"a list of {count:,} items at byte {self.position:,}")
        self.items_left -= count
        if kind == _STRING:
            return self._strings(count)
        code = _SCALARS_ALL.get(kind)
        if code is None:
            raise _DamagedError(f"a list of unknown type {kind} at byte {self.position:,}")
        layout = struct.Struct(f"<{count}{code}")
        return list(layout.unpack(self.take(layout.size)))

    def _strings(self, count: int) -> Texts:
        # This loop is the cost of reading a header: 201,088 tokens, 446,189 merges.
        data, limit, position = self.data, self.limit, self.position
        length_at = struct.Struct("<Q").unpack_from
        ends = array("Q")
        add = ends.append
        for _ in range(count):
            if position + 8 > limit:
                break
            position += 8 + length_at(data, position)[0]
            add(position)
        if position > limit or len(ends) < count:
            raise _EndsError(f"a list of {count:,} texts goes on past byte {limit:,}")
        if position - self.position > _MAX_LIST_BYTES:
            raise _DamagedError(f"a list of {position - self.position:,} bytes of texts")
        texts = Texts(data[self.position : position], self.position, ends)
        self.position = position
        return texts


def read_header(path: Path) -> GgufHeader:
    """Read and check the header of `path`.

    Raises ModelFileError when the file is missing, unreadable, not GGUF, damaged or cut off.
    """
    try:
        if path.is_dir():
            raise ModelFileError(
                f"{path} is a folder, not a GGUF file.", hint="name the .gguf file inside it"
            )
        if not path.is_file() and path.exists():
            # Opening a pipe would wait for somebody to write into it.
            raise ModelFileError(f"{path} is not a regular file.", hint="name a .gguf file")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise ModelFileError(f"{path} is empty.", hint="download the model again")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                header = _parse(path, data, size)
    except FileNotFoundError:
        raise ModelFileError(
            f"there is no file {path}.",
            hint="check the path; gptoss models ls shows what is here, and demo always is",
        ) from None
    except _DamagedError as damage:
        raise _damaged(path, damage) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ModelFileError(f"{path} cannot be read: {reason}.") from error
    _require_whole(header)
    return header


def parse_header(path: Path, beginning: bytes, file_bytes: int) -> GgufHeader | None:
    """Return the header of a file of `file_bytes` that lies elsewhere, by its `beginning`.

    `path` is its name for messages. None means that more of the file is needed. Raises
    ModelFileError as ``read_header`` does.
    """
    try:
        header = _parse(path, beginning, file_bytes)
    except _EndsError as damage:
        if len(beginning) < min(file_bytes, _MAX_HEADER_BYTES):
            return None
        raise _damaged(path, damage) from None
    except _DamagedError as damage:
        raise _damaged(path, damage) from None
    _require_whole(header)
    return header


def _damaged(path: Path, damage: _DamagedError) -> ModelFileError:
    return ModelFileError(
        f"{path} is damaged or cut off: {damage}.", hint="download the model again"
    )


def _require_whole(header: GgufHeader) -> None:
    if header.promised_bytes > header.file_bytes:
        raise ModelFileError(
            f"{header.path} is cut off: the header promises {header.promised_bytes:,} bytes, "
            f"the file has {header.file_bytes:,}.",
            hint="download the model again",
        )


def _parse(path: Path, data: mmap.mmap | bytes, file_bytes: int) -> GgufHeader:
    if data[:4] != _MAGIC:
        raise ModelFileError(
            f"{path} is not a GGUF file.", hint="gptoss runs gpt-oss models in GGUF format"
        )
    reader = _Reader(data)
    reader.position = len(_MAGIC)
    version = reader.number("I")
    if version not in _VERSIONS:
        raise _DamagedError(f"GGUF version {version} is not 2 or 3")
    n_tensors, n_pairs = reader.number("Q"), reader.number("Q")
    if n_tensors > _MAX_TENSORS or n_pairs > _MAX_PAIRS:
        raise _DamagedError(f"{n_tensors:,} tensors, {n_pairs:,} values: more than any model has")
    metadata: dict[str, Any] = {}
    for _ in range(n_pairs):
        key = reader.string(_MAX_KEY_BYTES)
        if key in metadata:
            raise _DamagedError(f"the key {shown(key)} stands twice")
        metadata[key] = reader.value(reader.number("I"))
    tensors = tuple(_tensor(reader) for _ in range(n_tensors))
    if len({t.name for t in tensors}) < len(tensors):
        raise _DamagedError("two tensors have one name")
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
        raise _DamagedError(f"general.alignment is {shown(alignment)}, not a power of two")
    _check_offsets(tensors, alignment)
    data_offset = -(-reader.position // alignment) * alignment
    return GgufHeader(path, metadata, tensors, data_offset, file_bytes)


def _tensor(reader: _Reader) -> TensorInfo:
    name = reader.string(_MAX_KEY_BYTES)
    n_dimensions = reader.number("I")
    if not 1 <= n_dimensions <= _MAX_DIMENSIONS:
        raise _DamagedError(f"tensor {shown(name)} has {n_dimensions} dimensions")
    shape = tuple(reader.number("Q") for _ in range(n_dimensions))
    kind, offset = reader.number("I"), reader.number("Q")
    if kind not in TENSOR_TYPES:
        raise _DamagedError(f"tensor {shown(name)} is of unknown type {kind}")
    type_name, block, block_bytes = TENSOR_TYPES[kind]
    elements = 1
    for extent in shape:
        elements *= extent
    if not 0 < elements < 1 << 48 or shape[0] % block:
        raise _DamagedError(f"tensor {shown(name)} has the impossible shape {shape}")
    return TensorInfo(name, shape, type_name, offset, elements // block * block_bytes)


def _check_offsets(tensors: tuple[TensorInfo, ...], alignment: int) -> None:
    """Raise _DamagedError unless the tensors follow each other as llama.cpp expects them to."""
    expected = 0
    for tensor in tensors:
        if tensor.offset != expected:
            raise _DamagedError(f"tensor {shown(tensor.name)} is not where it should be")
        expected += -(-tensor.n_bytes // alignment) * alignment
