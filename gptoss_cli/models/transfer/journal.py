"""The journal of an unfinished download: lines of text, none of them taken on trust. Pure.

The first line names the file (JSON: size, ETag and what it is for), each other one an extent:
first byte, the byte behind the last, and the CRC-32 of what was received, all in hexadecimal. Every
line ends with the CRC-32 of its text, so that one that was cut off or damaged is not believed.
"""

from __future__ import annotations

import bisect
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

LONGEST_BYTES: Final = 64 << 20
_VERSION: Final = 1


@dataclass(slots=True)
class Extent:
    """Bytes `start` to `end` (not included) of the file, on the disk.

    ``crc32`` is that of the bytes as they were received; ``proven`` says whether the disk was
    found to have these since this program runs.
    """

    start: int
    end: int
    crc32: int
    proven: bool

    def line(self) -> bytes:
        """Return its line in the journal."""
        return _line(f"{self.start:x} {self.end:x} {self.crc32:08x}")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a file is fetched for; nothing of it says which bytes these are.

    ``name`` is that of the model, as a person asks for it, ``path`` the file in its repository,
    ``set_bytes`` the size of all its files. ``replaces``: a damaged file of that name stays where
    it is until this one is whole.
    """

    name: str = ""
    path: str = ""
    set_bytes: int = 0
    replaces: bool = False


NO_PURPOSE: Final = Purpose()


@dataclass(frozen=True, slots=True)
class Header:
    """Which file is being fetched."""

    size_bytes: int
    etag: str
    purpose: Purpose = field(default=NO_PURPOSE, compare=False)

    def line(self) -> bytes:
        """Return the first line of its journal."""
        told = {"gptoss_partial": _VERSION, "size_bytes": self.size_bytes, "etag": self.etag}
        return _line(json.dumps(told | {"for": asdict(self.purpose)}))


def parse(content: bytes, data_length: int) -> tuple[Header, list[Extent]] | None:
    """Return what a journal says of data of this length, extents in order of offset.

    None if it does not even say which file that is.
    """
    lines = [text for text in map(_checked, content.split(b"\n")) if text is not None]
    header = _parse_header(lines[0]) if lines else None
    if header is None:
        return None
    return header, _without_overlaps(_parse_extents(lines[1:], header.size_bytes, data_length))


def _line(text: str) -> bytes:
    data = text.encode()
    return b"%b %08x\n" % (data, zlib.crc32(data))


def _checked(line: bytes) -> str | None:
    """Return the text of a journal's line, None for one that was cut off or damaged."""
    data, _, crc32 = line.rpartition(b" ")
    return data.decode("ascii", "replace") if data and crc32 == b"%08x" % zlib.crc32(data) else None


def _parse_header(text: str) -> Header | None:
    try:
        match json.loads(text):
            case {
                "gptoss_partial": version,
                "size_bytes": int(size_bytes),
                "etag": str(etag),
                **more,
            }:
                purpose = _parse_purpose(more.get("for"))
                return Header(size_bytes, etag, purpose) if version == _VERSION else None
    except (ValueError, RecursionError):
        pass
    return None


def _parse_purpose(told: Any) -> Purpose:
    match told:
        case {
            "name": str(name),
            "path": str(path),
            "set_bytes": int(set_bytes),
            "replaces": bool(replaces),
        }:
            return Purpose(name, path, set_bytes, replaces)
    return NO_PURPOSE


def _parse_extents(lines: Iterable[str], size_bytes: int, data_length: int) -> Iterator[Extent]:
    for line in lines:
        try:
            start, end, crc32 = (int(word, 16) for word in line.split())
        except ValueError:
            continue
        if 0 <= start < end <= min(size_bytes, data_length):
            yield Extent(start, end, crc32, proven=False)


def _without_overlaps(extents: Iterable[Extent]) -> list[Extent]:
    """Return the extents in order of offset; of those that overlap, the one recorded last."""
    starts: list[int] = []
    kept: list[Extent] = []
    for extent in reversed(list(extents)):
        i = bisect.bisect_left(starts, extent.start)
        free_before = i == 0 or kept[i - 1].end <= extent.start
        free_after = i == len(kept) or extent.end <= kept[i].start
        if free_before and free_after:
            starts.insert(i, extent.start)
            kept.insert(i, extent)
    return kept
