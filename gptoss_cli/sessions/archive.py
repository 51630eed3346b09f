"""The conversations in the zip file that ChatGPT sends: ``conversations.json``, or the numbered
parts of a large one. Nothing else in it is read.
"""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAGIC: Final = b"PK"
_WANTED: Final = re.compile(r"(?:.*/)?conversations(?:-\d+)?\.json")
_MOST_FILES: Final = 1_000


class NotAnArchiveError(Exception):
    """The file is no archive with conversations, damaged or locked; says which in words."""


def conversation_files(path: Path, most_bytes: int) -> Iterator[bytes]:
    """Yield the files with conversations in the archive at `path`, in order of their names.

    Raises NotAnArchiveError, also for a file of more than `most_bytes`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            wanted = sorted(filter(_WANTED.fullmatch, set(archive.namelist())))[:_MOST_FILES]
            if not wanted:
                raise NotAnArchiveError("there is no conversations.json in it")
            for name in wanted:
                with archive.open(name) as file:
                    content = file.read(most_bytes + 1)
                if len(content) > most_bytes:
                    raise NotAnArchiveError(f"a file in it is larger than {most_bytes >> 20:,} MiB")
                yield content
    except (zipfile.BadZipFile, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise NotAnArchiveError("it is no zip file, or damaged") from error
    # Encrypted files are one, unknown ways of compressing the other.
    except RuntimeError as error:
        raise NotAnArchiveError("it is locked, or compressed in an unknown way") from error
