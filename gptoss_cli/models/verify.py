"""Whether the bytes of a model on the disk are those that came: each file hashed again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from gptoss_cli.errors import ModelFileError
from gptoss_cli.models.cache.contents import CachedModel
from gptoss_cli.models.gguf import read_header
from gptoss_cli.models.library import Imported
from gptoss_cli.models.syntax import is_sha256

_READ_BYTES: Final = 4 << 20

Report = Callable[[int, int], None]
"""Takes the number of a file and the bytes of it that were read."""


class State(Enum):
    """What was found; the values are what ``--json`` says."""

    GOOD = "good"
    DAMAGED = "damaged"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Claim:
    """A file and what it should be; ``sha256`` None when nobody knows."""

    name: str
    path: Path
    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Verified:
    """A claim and what was found: ``sha256`` of the bytes, None when they could not be read."""

    claim: Claim
    state: State
    sha256: str | None


def claims_of(
    model: CachedModel | Imported, known: Mapping[str, str] | None = None
) -> tuple[Claim, ...]:
    """Return what the files of `model` should be.

    The cache names large files after their sha256. For those that lie under another name,
    `known` may say what the hub has: path in the repository to sha256.
    """
    if isinstance(model, Imported):
        return tuple(Claim(p.path.name, p.path, p.size_bytes, p.sha256) for p in model.parts)
    claims = [
        Claim(file.path, file.location, 0, file.etag if is_sha256(file.etag) else None)
        for file in model.lost
    ]
    for file in model.files:
        name = file.blob.name if file.blob and file.blob != file.location else ""
        digest = name if is_sha256(name) else (known or {}).get(file.path)
        claims.append(Claim(file.path, file.location, file.size_bytes, digest))
    return tuple(sorted(claims, key=lambda claim: claim.name))


def verify(
    claims: Sequence[Claim], *, report: Report = lambda _number, _bytes: None
) -> tuple[Verified, ...]:
    """Read all files and return what was found; Ctrl-C in between is the caller's."""
    return tuple(_verified(number, claim, report) for number, claim in enumerate(claims))


def _verified(number: int, claim: Claim, report: Report) -> Verified:
    digest, done_bytes = hashlib.sha256(), 0
    buffer = memoryview(bytearray(_READ_BYTES))
    try:
        with claim.path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                digest.update(buffer[:count])
                done_bytes += count
                report(number, done_bytes)
    except FileNotFoundError:
        return Verified(claim, State.MISSING, None)
    except OSError:  # a bad sector is damage, too
        return Verified(claim, State.DAMAGED, None)
    found = digest.hexdigest()
    if claim.sha256 is not None:
        state = State.GOOD if found == claim.sha256 else State.DAMAGED
    else:
        whole = done_bytes == claim.size_bytes and _is_as_long_as_it_says(claim.path)
        state = State.UNKNOWN if whole else State.DAMAGED
    return Verified(claim, state, found)


def _is_as_long_as_it_says(path: Path) -> bool:
    try:
        read_header(path)
    except ModelFileError:
        return False
    return True
