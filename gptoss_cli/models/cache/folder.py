"""What the Hugging Face cache on this disk holds, and how a download becomes part of it.

Read and written without huggingface_hub, whose import costs more than a whole listing; the layout
is described in ``models.cache.layout``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from gptoss_cli.errors import NoModelError
from gptoss_cli.models.cache import layout
from gptoss_cli.models.cache.contents import CachedModel, CacheListing, PartialDownload
from gptoss_cli.models.cache.snapshots import Snapshot, are_same, is_of, merged, snapshots
from gptoss_cli.models.cache.snapshots import partials as partials_of
from gptoss_cli.models.choice import (
    Unclear,
    Undecided,
    WeightSet,
    choose,
    is_beside_weights,
    weight_sets,
)
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.syntax import revision_fault

_TAG: Final = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Models of the Hugging Face hub, which can be downloaded again: https://bford.info/cachedir/\n"
)


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
            partials += partials_of(repo_id, folder)
            models += merged(
                snapshot.model(weights)
                for snapshot in _ordered(repo_id, folder)
                for weights in weight_sets(snapshot.every_file(_place(folder, snapshot)))
                if not is_beside_weights(weights)
            )
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

        Without a revision the default branch counts first, then what another branch or tag names,
        then whatever came last. Raises NoModelError for a cache that may not be read.
        """
        self._require_readable()
        absent = Undecided(Unclear.NOT_THERE, f"{model} is not downloaded.")
        folder = self._existing_folder(model.repo_id)
        if folder is None:
            return absent
        repo_id = layout.repo_id_of(folder)
        every = _ordered(repo_id, folder)
        unclear = absent
        for snapshot in every:
            if not is_of(snapshot, model.revision):
                continue
            found = choose(model, snapshot.repo_files())
            if isinstance(found, WeightSet):
                return _with_copies(snapshot.model(found), every)
            if unclear is absent and found.why is Unclear.NOT_THERE:
                unclear = replace(absent, candidates=found.candidates)
            elif unclear is absent and found.why is not Unclear.NO_WEIGHTS:
                unclear = found
        return unclear

    def find_rest(self, model: HubModel) -> CachedModel | None:
        """Return what is left of `model`, which ``find`` did not find; None if nothing is."""
        folder = self._existing_folder(model.repo_id)
        if folder is None:
            return None
        for snapshot in _ordered(layout.repo_id_of(folder), folder):
            if is_of(snapshot, model.revision):
                found = choose(model, snapshot.every_file(_place(folder, snapshot)))
                if isinstance(found, WeightSet):
                    return snapshot.model(found)
        return None

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
        temporary = folder / f".{os.urandom(8).hex()}.new"
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


def _ordered(repo_id: str, folder: Path) -> list[Snapshot]:
    """Return the snapshots of a repository; first what is meant without a revision."""
    return sorted(snapshots(repo_id, folder), key=lambda snapshot: snapshot.order, reverse=True)


def _place(folder: Path, snapshot: Snapshot) -> Path:
    return folder / "snapshots" / snapshot.commit


def _with_copies(model: CachedModel, every: Sequence[Snapshot]) -> CachedModel:
    others = (s.model(w) for s in every for w in weight_sets(s.repo_files()) if not w.missing_parts)
    for other in others:
        if are_same(model, other):
            model = replace(model, copies=(*model.copies, other))
    return model


def _write_ref(folder: Path, revision: str, commit: str) -> None:
    ref = folder.joinpath("refs", *revision.split("/"))
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if not ref.is_symlink() and ref.read_text(encoding="ascii") == commit:
            return
    layout.make_folders(folder.parent, ref.parent)
    temporary = folder / f".{os.urandom(8).hex()}.new"
    try:
        with temporary.open("x", encoding="ascii") as file:
            file.write(commit)
            file.flush()
            os.fsync(file.fileno())  # an empty ref would make the repository unreadable to others
        temporary.replace(ref)
    finally:
        temporary.unlink(missing_ok=True)
