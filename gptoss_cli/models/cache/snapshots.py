"""How the snapshots and unfinished downloads of one repository are read from the cache."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gptoss_cli.errors import UsageError
from gptoss_cli.models.cache import layout
from gptoss_cli.models.cache.contents import CachedFile, CachedModel, LostFile, PartialDownload
from gptoss_cli.models.choice import RepoFile, WeightSet, with_absent_parts
from gptoss_cli.models.names import DEFAULT_REVISION, HubModel, parse
from gptoss_cli.models.syntax import GGUF, file_fault, is_sha256
from gptoss_cli.models.transfer.partial import DATA_SUFFIX, Recorded, recorded


@dataclass(slots=True)
class Snapshot:
    """The GGUF files of a repository at one commit: those that are there, and those that were."""

    repo_id: str
    commit: str
    revisions: tuple[str, ...]
    linked_s: float = 0.0
    files: dict[str, CachedFile] = field(default_factory=dict)
    lost: dict[str, LostFile] = field(default_factory=dict)

    def repo_files(self) -> list[RepoFile]:
        """The files as the repository lists them; only blobs have an ETag, only some a hash."""
        found = []
        for file in self.files.values():
            etag = file.blob.name if file.blob and file.blob != file.location else ""
            sha256 = etag if is_sha256(etag) else None
            found.append(RepoFile(file.path, file.size_bytes, sha256, etag))
        return found

    def every_file(self, place: Path) -> list[RepoFile]:
        """The same and what is lost, in `place`: links to nothing, and parts of split models."""
        lost = [RepoFile(file.path, 0, None, file.etag) for file in self.lost.values()]
        every = with_absent_parts([*self.repo_files(), *lost])
        for file in every:
            if file.path not in self.files and file.path not in self.lost:
                location = place.joinpath(*file.path.split("/"))
                self.lost[file.path] = LostFile(file.path, location, "")
        return every

    def model(self, weights: WeightSet) -> CachedModel:
        """Return `weights`, chosen among these files, as a model of the cache."""
        lost = [self.lost[f.path] for f in weights.files if f.path not in self.files]
        return CachedModel(
            self.repo_id,
            self.commit,
            self.revisions,
            weights.name,
            weights.quantization,
            tuple(self.files[file.path] for file in weights.files if file.path in self.files),
            weights.missing_parts + len(lost),
            tuple(lost),
        )

    @property
    def order(self) -> tuple[bool, bool, float, float]:
        """Grows the more this is what is meant without a revision: the branch, then the newest."""
        modified_s = max((file.modified_s for file in self.files.values()), default=0.0)
        is_main = DEFAULT_REVISION in self.revisions
        return is_main, bool(self.revisions), modified_s, self.linked_s


def partials(repo_id: str, folder: Path) -> Iterator[PartialDownload]:
    """Yield the unfinished downloads of a repository, also those of other programs."""
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
            is_own = entry.name.endswith(DATA_SUFFIX)
            if is_own:
                etag = entry.name.removesuffix(DATA_SUFFIX)
                known = recorded(Path(entry.path).with_name(etag))
            partial = PartialDownload(
                repo_id,
                etag,
                Path(entry.path),
                size,
                known.done_bytes if known else size,
                known.size_bytes if known else None,
                known is not None,
                status.st_mtime,
                is_own,
            )
            yield _named(partial, known) if known else partial


def _named(partial: PartialDownload, known: Recorded) -> PartialDownload:
    """Return `partial` with what its journal says it is for, as far as that can be."""
    purpose = known.purpose
    try:
        model = parse(purpose.name) if purpose.name else None
    except UsageError:
        model = None
    if not isinstance(model, HubModel) or model.repo_id.casefold() != partial.repo_id.casefold():
        model = None
    is_weights = purpose.path.casefold().endswith(GGUF) and not file_fault(purpose.path)
    if model is None or not is_weights:
        return partial
    return replace(
        partial,
        model=model,
        file=purpose.path,
        set_bytes=max(purpose.set_bytes, known.size_bytes),
        repairs=purpose.replaces,
    )


def snapshots(repo_id: str, folder: Path) -> Iterator[Snapshot]:
    """Yield the snapshots of a repository that hold GGUF files, or did."""
    refs = layout.read_refs(folder)
    for place in layout.folders(folder / "snapshots"):
        if place.is_symlink():
            continue
        revisions = tuple(sorted(name for name, commit in refs.items() if commit == place.name))
        snapshot = Snapshot(repo_id, place.name, revisions)
        with contextlib.suppress(OSError):
            snapshot.linked_s = place.stat().st_mtime
        for location in layout.walk(place):
            path = location.relative_to(place).as_posix()
            if not path.casefold().endswith(GGUF):
                continue
            if file := _cached_file(folder, path, location):
                snapshot.files[path] = file
            elif lost := _lost_file(folder, path, location):
                snapshot.lost[path] = lost
        if snapshot.files or snapshot.lost:
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


def _lost_file(folder: Path, path: str, location: Path) -> LostFile | None:
    """Return what a link in a snapshot was to, if it leads to no blob that is there."""
    if not location.is_symlink():
        return None
    blob = layout.blob_of(folder, location)
    return None if blob is None or os.path.lexists(blob) else LostFile(path, location, blob.name)


def merged(models: Iterable[CachedModel]) -> list[CachedModel]:
    """Return `models` of one repository, the same bytes in several snapshots as one.

    The first of them stands for all.
    """
    found: list[CachedModel] = []
    for model in models:
        i = next((i for i, other in enumerate(found) if are_same(other, model)), None)
        if i is None:
            found.append(model)
        else:
            found[i] = replace(found[i], copies=(*found[i].copies, model))
    return found


def are_same(model: CachedModel, other: CachedModel) -> bool:
    """Return whether two models are the same bytes, in snapshots none of which has both."""
    blobs = [_blobs(each) for each in (model, other)]
    if not blobs[0] or blobs[0] != blobs[1]:
        return False
    return other.commit not in {model.commit, *(copy.commit for copy in model.copies)}


def _blobs(model: CachedModel) -> Sequence[Path]:
    """Return where the cache keeps the bytes; nothing when any lie in the snapshot or are lost."""
    blobs = [file.blob for file in model.files if file.blob and file.blob != file.location]
    return blobs if len(blobs) == len(model.files) and not model.missing_parts else []


def is_of(snapshot: Snapshot, revision: str | None) -> bool:
    """Return whether `revision` means `snapshot`: a branch, a tag, a commit or its beginning."""
    if revision is None or revision in snapshot.revisions:
        return True
    return len(revision) >= 7 and snapshot.commit.startswith(revision.lower())
