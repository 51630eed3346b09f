"""What the Hugging Face cache on this disk holds, and how a download becomes part of it.

Read and written without huggingface_hub, whose import costs more than a whole listing; the layout
is described in ``models.cache.layout``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from gptoss_cli.errors import NoModelError
from gptoss_cli.models.cache import layout
from gptoss_cli.models.choice import (
    RepoFile,
    Unclear,
    Undecided,
    WeightSet,
    choose,
    is_beside_weights,
    weight_sets,
)
from gptoss_cli.models.names import DEFAULT_REVISION, HubModel
from gptoss_cli.models.syntax import GGUF, is_sha256, revision_fault
from gptoss_cli.models.transfer.partial import DATA_SUFFIX, recorded

_TAG: Final = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Models of the Hugging Face hub, which can be downloaded again: https://bford.info/cachedir/\n"
)


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
class CachedModel:
    """The weights of one model in one snapshot.

    ``revisions`` are the branches and tags that mean this commit here, ``missing_parts`` those of
    a split model that are not there: such a model cannot be run, only gone on with or removed.
    """

    repo_id: str
    commit: str
    revisions: tuple[str, ...]
    name: str
    quantization: str | None
    files: tuple[CachedFile, ...]
    missing_parts: int = 0

    @property
    def size_bytes(self) -> int:
        """The size of its files together."""
        return sum(file.size_bytes for file in self.files)

    @property
    def modified_s(self) -> float:
        """When the last of its bytes came, in seconds since the epoch."""
        return max(file.modified_s for file in self.files)

    @property
    def path(self) -> Path:
        """The file llama.cpp is given: the first part."""
        return self.files[0].location


@dataclass(frozen=True, slots=True)
class PartialDownload:
    """A file whose download was not finished.

    ``size_bytes`` is what it takes on the disk, ``done_bytes`` how much of the file is there,
    ``expected_bytes`` the size of the whole, where that is known. ``resumable``: the next pull
    goes on from here; what other programs left behind is of no use to anybody.
    """

    repo_id: str
    etag: str
    path: Path
    size_bytes: int
    done_bytes: int
    expected_bytes: int | None
    resumable: bool
    modified_s: float


@dataclass(frozen=True, slots=True)
class CacheListing:
    """What the cache holds of GGUF models, each sorted by name.

    ``unfinished`` are split models of which parts are missing; ``skipped`` says what was not
    looked into and why, a sentence each.
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


@dataclass(slots=True)
class _Snapshot:
    repo_id: str
    commit: str
    revisions: tuple[str, ...]
    files: dict[str, CachedFile] = field(default_factory=dict)

    def repo_files(self) -> list[RepoFile]:
        """The files as the repository lists them; only blobs have an ETag, only some a hash."""
        found = []
        for file in self.files.values():
            etag = file.blob.name if file.blob and file.blob != file.location else ""
            sha256 = etag if is_sha256(etag) else None
            found.append(RepoFile(file.path, file.size_bytes, sha256, etag))
        return found

    def model(self, weights: WeightSet) -> CachedModel:
        return CachedModel(
            self.repo_id,
            self.commit,
            self.revisions,
            weights.name,
            weights.quantization,
            tuple(self.files[file.path] for file in weights.files),
            weights.missing_parts,
        )

    @property
    def modified_s(self) -> float:
        return max((file.modified_s for file in self.files.values()), default=0.0)


class CacheFolder:
    """The cache below `root`, which need not exist yet.

    With `symlinks` False, or where the disk has none, files are kept in the snapshots themselves.
    """

    def __init__(self, root: Path, *, symlinks: bool = True) -> None:
        self.root = Path(os.path.realpath(root))  # the root itself may be a link to a larger disk
        self._symlinks = symlinks

    def scan(self) -> CacheListing:
        """Return all GGUF models and unfinished downloads; an absent cache holds none.

        Raises NoModelError for a cache that may not be read.
        """
        self._require_readable()
        models: list[CachedModel] = []
        partials: list[PartialDownload] = []
        skipped: list[str] = []
        for folder in layout.folders(self.root):
            if not folder.name.startswith(layout.PREFIX):
                continue
            repo_id = layout.repo_id_of(folder)
            if "/" not in repo_id:
                continue  # gpt2 and its like, of the hub's first years: none of them is GGUF
            if fault := layout.folder_fault(folder):
                skipped.append(f"{folder} {fault}.")
                continue
            partials += _partials(repo_id, folder)
            for snapshot in _snapshots(repo_id, folder):
                sets = weight_sets(snapshot.repo_files())
                models += [snapshot.model(s) for s in sets if not is_beside_weights(s)]
        models.sort(key=lambda model: (model.repo_id.casefold(), model.name, model.commit))
        return CacheListing(
            tuple(model for model in models if not model.missing_parts),
            tuple(model for model in models if model.missing_parts),
            tuple(sorted(partials, key=lambda partial: (partial.repo_id, partial.path.name))),
            tuple(sorted(skipped)),
        )

    def free_bytes(self) -> int | None:
        """Return what the disk has left where the cache is, or will be; None if nobody can say."""
        for existing in (self.root, *self.root.parents):
            try:
                return shutil.disk_usage(existing).free
            except OSError:
                continue
        return None

    def _require_readable(self) -> None:
        try:
            os.scandir(self.root).close()
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise NoModelError(
                f"the cache {self.root} cannot be read: {error.strerror}.",
                hint="its permissions, or HF_HOME names another folder",
            ) from error

    def find(self, model: HubModel) -> CachedModel | Undecided:
        """Return what is here of `model`, chosen as among the repository's files.

        Without a revision the default branch counts first, then whatever came last. Raises
        NoModelError for a cache that may not be read.
        """
        self._require_readable()
        absent = Undecided(Unclear.NOT_THERE, f"{model} is not downloaded.")
        folder = self._existing_folder(model.repo_id)
        if folder is None:
            return absent
        repo_id = layout.repo_id_of(folder)
        snapshots = [s for s in _snapshots(repo_id, folder) if _is_of(s, model.revision)]
        snapshots.sort(key=lambda s: (DEFAULT_REVISION in s.revisions, s.modified_s), reverse=True)
        unclear = absent
        for snapshot in snapshots:
            found = choose(model, snapshot.repo_files())
            if isinstance(found, WeightSet):
                return snapshot.model(found)
            if unclear is absent and found.why is Unclear.NOT_THERE:
                unclear = replace(absent, candidates=found.candidates)
            elif unclear is absent and found.why is not Unclear.NO_WEIGHTS:
                unclear = found
        return unclear

    def _existing_folder(self, repo_id: str) -> Path | None:
        """Return the repository's folder, found also when its name is written in another case."""
        wanted = layout.repo_folder(self.root, repo_id)
        if os.path.isdir(wanted) and not layout.folder_fault(wanted):  # noqa: PTH112  never raises
            return wanted
        key = wanted.name.casefold()
        folders = [f for f in layout.folders(self.root) if f.name.casefold() == key]
        folders.sort(key=lambda folder: folder.name != wanted.name)
        return next((folder for folder in folders if not layout.folder_fault(folder)), None)

    def blob_path(self, repo_id: str, etag: str) -> Path:
        """Return where the bytes with `etag` (without quotes) belong. Raises DownloadError."""
        return layout.blob_path(self.root, repo_id, etag)

    def lock_path(self, repo_id: str, etag: str) -> Path:
        """Return the lock that huggingface_hub takes, too, while it downloads these bytes."""
        return layout.lock_path(self.root, repo_id, etag)

    def snapshot_path(self, repo_id: str, commit: str, path: str) -> Path:
        """Return the place of the file `path` in the snapshot of `commit`. Raises DownloadError."""
        return layout.snapshot_path(self.root, repo_id, commit, path)

    def prepare(self, repo_id: str) -> None:
        """Make the folders that a download needs. Raises DownloadError when that cannot be."""
        folder = layout.repo_folder(self.root, repo_id)
        tag = self.root / "CACHEDIR.TAG"  # backups skip what can be downloaded again
        with layout.explained(folder):
            self.root.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError), tag.open("x", encoding="ascii") as file:
                file.write(_TAG)
            layout.make_folders(self.root, folder / "blobs")
            layout.make_folders(self.root, folder / "snapshots")

    def link(
        self, repo_id: str, *, commit: str, path: str, etag: str, revision: str | None = None
    ) -> Path:
        """Make the finished blob `etag` the file `path` of `commit`; return its place.

        `revision`: the branch or tag that means `commit`, remembered for use without the network.
        Each step is one rename: whoever looks meanwhile sees the file whole or not at all.

        Raises DownloadError when a name is not usable or the cache cannot be written.
        """
        folder = layout.repo_folder(self.root, repo_id)
        blob = layout.blob_path(self.root, repo_id, etag)
        place = layout.snapshot_path(self.root, repo_id, commit, path)
        if revision is not None:
            layout.refuse_if(revision_fault(revision), "revision", revision)
        with layout.explained(place):
            layout.make_folders(self.root, place.parent)
            self._put(folder, blob, place)
            if revision is not None and revision != commit:
                _write_ref(folder, revision, commit)
        return place

    def _put(self, folder: Path, blob: Path, place: Path) -> None:
        if not os.path.lexists(blob) and place.is_file():
            return  # kept in the snapshot, as disks without links have it
        target = os.path.relpath(blob, place.parent)
        if place.is_symlink() and place.readlink() == Path(target):
            return
        temporary = folder / f".{secrets.token_hex(8)}.new"
        try:
            if self._symlinks and _make_link(temporary, target):
                temporary.replace(place)
            elif _is_linked_to(folder, blob):  # others would lose it if it moved
                shutil.copyfile(blob, temporary)
                temporary.replace(place)
            else:
                with contextlib.suppress(FileNotFoundError):  # another pull has moved it meanwhile
                    blob.replace(place)
        finally:
            temporary.unlink(missing_ok=True)


def _make_link(link: Path, target: str) -> bool:
    """Make a symbolic link; False where the disk or the system has none."""
    try:
        link.symlink_to(target)
    except OSError:
        return False
    return True


def _is_linked_to(folder: Path, blob: Path) -> bool:
    """Return whether `blob` is needed where it is: by a snapshot, or to be a link itself."""
    if blob.is_symlink():
        return True
    return any(layout.blob_of(folder, file) == blob for file in layout.walk(folder / "snapshots"))


def _partials(repo_id: str, folder: Path) -> Iterator[PartialDownload]:
    with contextlib.suppress(OSError), os.scandir(folder / "blobs") as entries:
        for entry in entries:
            if not entry.name.endswith(layout.INCOMPLETE) or not entry.is_file(
                follow_symlinks=False
            ):
                continue
            status = entry.stat(follow_symlinks=False)
            size = layout.allocated_bytes(status)
            etag = entry.name.partition(".")[0]
            known = None
            if entry.name.endswith(DATA_SUFFIX):
                etag = entry.name.removesuffix(DATA_SUFFIX)
                known = recorded(Path(entry.path).with_name(etag))
            yield PartialDownload(
                repo_id,
                etag,
                Path(entry.path),
                size,
                known.done_bytes if known else size,
                known.size_bytes if known else None,
                known is not None,
                status.st_mtime,
            )


def _snapshots(repo_id: str, folder: Path) -> Iterator[_Snapshot]:
    """Yield the snapshots of a repository that hold GGUF files."""
    refs = layout.read_refs(folder)
    for place in layout.folders(folder / "snapshots"):
        if place.is_symlink():
            continue
        revisions = tuple(sorted(name for name, commit in refs.items() if commit == place.name))
        snapshot = _Snapshot(repo_id, place.name, revisions)
        for location in layout.walk(place):
            path = location.relative_to(place).as_posix()
            if path.casefold().endswith(GGUF) and (file := _cached_file(folder, path, location)):
                snapshot.files[path] = file
        if snapshot.files:
            yield snapshot


def _cached_file(folder: Path, path: str, location: Path) -> CachedFile | None:
    """Return the file of a snapshot; None if its bytes are not there."""
    try:
        status = location.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        blob = layout.blob_of(folder, location)
    except OSError:
        return None
    return CachedFile(path, location, blob, status.st_size, status.st_mtime)


def _is_of(snapshot: _Snapshot, revision: str | None) -> bool:
    """Return whether `revision` means `snapshot`: a branch, a tag, a commit or its beginning."""
    if revision is None or revision in snapshot.revisions:
        return True
    return len(revision) >= 7 and snapshot.commit.startswith(revision.lower())


def _write_ref(folder: Path, revision: str, commit: str) -> None:
    ref = folder.joinpath("refs", *revision.split("/"))
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if not ref.is_symlink() and ref.read_text(encoding="ascii") == commit:
            return
    layout.make_folders(folder.parent, ref.parent)
    temporary = folder / f".{secrets.token_hex(8)}.new"
    try:
        with temporary.open("x", encoding="ascii") as file:
            file.write(commit)
            file.flush()
            os.fsync(file.fileno())  # an empty ref would make the repository unreadable to others
        temporary.replace(ref)
    finally:
        temporary.unlink(missing_ok=True)
