"""What a Hugging Face cache holds of models, as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gptoss_cli.models.names import HubModel


@dataclass(frozen=True, slots=True)
class CachedFile:
    """A file of a snapshot.

    ``path`` is its name in the repository, ``location`` its place in the snapshot, ``blob`` where
    the cache keeps its bytes, or None when a link leads out of the cache.
    """

    path: str
    location: Path
    blob: Path | None
    size_bytes: int
    modified_s: float


@dataclass(frozen=True, slots=True)
class LostFile:
    """A file that a snapshot should have and has not.

    ``etag`` is the name its bytes had, where a link to them is left, else empty.
    """

    path: str
    location: Path
    etag: str


@dataclass(frozen=True, slots=True)
class CachedModel:
    """The weights of one model in one snapshot.

    ``revisions`` are the branches and tags that mean this commit here, ``lost`` the files that are
    not there, among them ``missing_parts`` of a split model that never came: such a model cannot
    be run, only gone on with, repaired or removed. ``copies`` are other snapshots of the
    repository with the same bytes: they are one model.
    """

    repo_id: str
    commit: str
    revisions: tuple[str, ...]
    name: str
    quantization: str | None
    files: tuple[CachedFile, ...]
    missing_parts: int = 0
    lost: tuple[LostFile, ...] = ()
    copies: tuple[CachedModel, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The size of its files together."""
        return sum(file.size_bytes for file in self.files)

    @property
    def first_file(self) -> str:
        """The name in the repository of a file of it, the first where that is there."""
        return min([file.path for file in self.files] or [file.path for file in self.lost])

    def is_at(self, path: Path) -> bool:
        """Return whether `path` is what llama.cpp is given, of this or a copy of it."""
        return any(path == each.path for each in (self, *self.copies))

    @property
    def modified_s(self) -> float:
        """When the last of its bytes came, in seconds since the epoch."""
        return max((file.modified_s for file in self.files), default=0.0)

    @property
    def path(self) -> Path:
        """The file llama.cpp is given: the first part."""
        return (self.files or self.lost)[0].location


@dataclass(frozen=True, slots=True)
class PartialDownload:
    """A file whose download was not finished.

    ``size_bytes`` is what it takes on the disk, ``done_bytes`` how much of the file is there,
    ``expected_bytes`` the size of the whole, where that is known. ``resumable``: the next pull
    goes on from here; what other programs left behind, and not ``is_own``, is of no use to anybody.
    ``model`` is the name of what it belongs to, ``file`` the path in the repository, ``set_bytes``
    the size of all files of that model, where they are known. ``repairs``: it is to replace a
    damaged file.
    """

    repo_id: str
    etag: str
    path: Path
    size_bytes: int
    done_bytes: int
    expected_bytes: int | None
    resumable: bool
    modified_s: float
    is_own: bool = False
    model: HubModel | None = None
    file: str | None = None
    set_bytes: int | None = None
    repairs: bool = False


@dataclass(frozen=True, slots=True)
class CacheListing:
    """What the cache holds of GGUF models, each sorted by name.

    ``unfinished`` are models of which files are missing; ``skipped`` says what was not looked into
    and why, a sentence each.
    """

    models: tuple[CachedModel, ...] = ()
    unfinished: tuple[CachedModel, ...] = ()
    partials: tuple[PartialDownload, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def weights_bytes(self) -> int:
        """What the models take in the cache; bytes that several snapshots share count once."""
        files = [file for model in (*self.models, *self.unfinished) for file in model.files]
        return sum({f.blob: f.size_bytes for f in files if f.blob is not None}.values())

    @property
    def partial_bytes(self) -> int:
        """What unfinished downloads take."""
        return sum(partial.size_bytes for partial in self.partials)
