"""Models and unfinished downloads taken out of the cache, and nothing else.

A blob goes when no snapshot needs it any more. Links are removed as links: what they point to
outside of the repository's folder stays. huggingface_hub may keep the bytes of several
repositories in one store and let blobs link to it (its ``utils/_shared_blobs.py``); such bytes go
with the last blob that its list of references still finds.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from gptoss_cli.errors import GptossError
from gptoss_cli.models.cache import layout
from gptoss_cli.models.cache.contents import CachedModel, PartialDownload
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.syntax import is_sha256
from gptoss_cli.models.transfer.partial import DATA_SUFFIX, journal_path

_STORE_MARK: Final = ".huggingface-shared-blobs"
_STORE_VERSION: Final = "1\n"
# Made and renamed at once; older ones were left by a process that was killed.
_LITTER: Final = re.compile(r"\.[0-9a-f]{16}\.new")
_LITTER_AGE_S: Final = 3600


def remove(cache: CacheFolder, entries: Iterable[CachedModel | PartialDownload]) -> int:
    """Remove `entries`, with all copies, and what only they needed; return what became free.

    Bytes that another name on the disk still has are not free and do not count.

    Raises GptossError when a part of the cache is a link, or the system refuses.
    """
    freed = 0
    for entry in entries:
        folder = layout.repo_folder(cache.root, entry.repo_id)
        if fault := layout.folder_fault(folder):
            raise GptossError(
                f"{folder} {fault}; nothing is removed through links in the cache.",
                hint=f"remove the link itself if it is not wanted: {folder}",
            )
        try:
            if isinstance(entry, PartialDownload):
                freed += _remove_partial(cache.root, folder, entry)
            else:
                freed += sum(
                    _remove_model(cache.root, folder, model) for model in (entry, *entry.copies)
                )
            _tidy(folder)
        except OSError as error:
            raise GptossError(
                f"{error.filename or folder} cannot be removed: {error.strerror or error}.",
                hint="end what still uses it, or look at its permissions",
            ) from error
    return freed


def _remove_partial(root: Path, folder: Path, partial: PartialDownload) -> int:
    path = folder / "blobs" / partial.path.name
    if not path.name.endswith(layout.INCOMPLETE):
        return 0
    lock = root / ".locks" / folder.name / f"{partial.etag}.lock"
    if not lock.is_file():
        return _unlink_partial(path)
    try:
        with FileLock(lock, timeout=0, mode=0o664):
            return _unlink_partial(path)
    except Timeout as error:
        raise GptossError(
            f"a file of {partial.repo_id} is being downloaded at this moment; it stays.",
            hint="end that download first",
        ) from error


def _unlink_partial(path: Path) -> int:
    try:
        status = path.lstat()
        path.unlink()
    except FileNotFoundError:
        return 0  # finished or removed meanwhile
    if path.name.endswith(DATA_SUFFIX):
        journal_path(path.with_name(path.name.removesuffix(DATA_SUFFIX))).unlink(missing_ok=True)
    return layout.allocated_bytes(status) if stat.S_ISREG(status.st_mode) else 0


def _remove_model(root: Path, folder: Path, model: CachedModel) -> int:
    snapshots = folder / "snapshots"
    snapshot = snapshots / model.commit
    freed = 0
    blobs = set()
    names = [*(file.path for file in model.files), *(file.path for file in model.lost)]
    for name in names:
        location = snapshot / name
        if not _is_plainly_below(snapshots, location):
            continue
        blob = layout.blob_of(folder, location)
        if blob is not None and blob != location:
            blobs.add(blob)
        freed += _unlink(location)
        _remove_empty_folders(location.parent, below=snapshots)
    needed = {layout.blob_of(folder, location) for location in layout.walk(snapshots)}
    for blob in blobs - needed:
        store = _store_target(root, blob)
        freed += _unlink(blob)
        journal_path(blob).unlink(missing_ok=True)  # of a download killed at its very end
        if store is not None:
            freed += _release(root, store)
    if not snapshot.exists():
        _forget_commit(folder, model.commit)
    return freed


def _is_plainly_below(folder: Path, path: Path) -> bool:
    """Return whether `path` is there, and reached from `folder` through folders alone."""
    if ".." in path.parts or not path.is_relative_to(folder) or not os.path.lexists(path):
        return False
    between = [parent for parent in path.parents if parent.is_relative_to(folder)]
    return not any(parent.is_symlink() for parent in between)


def _unlink(path: Path) -> int:
    """Remove a file or a link; return the bytes that nothing else holds any more."""
    try:
        status = path.lstat()
        path.unlink()
    except FileNotFoundError:
        return 0
    is_last_name = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
    return status.st_size if is_last_name else 0


def _remove_empty_folders(folder: Path, *, below: Path) -> None:
    with contextlib.suppress(OSError):  # the first that is not empty ends it
        while folder != below:
            folder.rmdir()
            folder = folder.parent


def _forget_commit(folder: Path, commit: str) -> None:
    """Remove what refers to a commit of which no file is left."""
    refs = folder / "refs"
    for name, target in layout.read_refs(folder).items():
        if target == commit:
            (refs / name).unlink()
            _remove_empty_folders((refs / name).parent, below=refs)
    (folder / "trees" / f"{commit}.json").unlink(missing_ok=True)
    _remove_tree(folder / ".no_exist" / commit)


def _tidy(folder: Path) -> None:
    """Remove a repository's folder if nothing of the repository is left in it."""
    for path in folder.iterdir():
        if _LITTER.fullmatch(path.name):
            if time.time() - path.lstat().st_mtime < _LITTER_AGE_S:
                return  # somebody is at work here
            path.unlink()
    if any(next(layout.walk(folder / part), None) for part in ("blobs", "snapshots")):
        return
    for path in list(folder.iterdir()):
        _remove_tree(path)
    folder.rmdir()


def _remove_tree(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)  # removes links inside as links


def _store_target(root: Path, blob: Path) -> Path | None:
    """Return the shared bytes that `blob` links to, if it links to the cache's own store."""
    if not blob.is_symlink() or not _has_store(root):
        return None
    target = Path(os.path.normpath(blob.parent / blob.readlink()))
    is_in_place = target.parent == root / "blobs" / target.name[:2]
    return target if is_in_place and is_sha256(target.name) else None


def _has_store(root: Path) -> bool:
    mark = root / "blobs" / _STORE_MARK
    try:
        plain = not mark.parent.is_symlink() and stat.S_ISREG(mark.lstat().st_mode)
        return plain and mark.read_text(encoding="utf-8") == _STORE_VERSION
    except (OSError, UnicodeDecodeError):
        return False


def _release(root: Path, store: Path) -> int:
    """Remove shared bytes that no blob links to any more; in doubt they stay.

    Returns the bytes that became free. The lock is the one huggingface_hub takes.
    """
    references = store.with_name(f"{store.name}.refs")
    try:
        with FileLock(store.with_name(f"{store.name}.lock"), timeout=10, mode=0o666):
            if references.is_symlink() or store.is_symlink():
                return 0
            lines = references.read_text(encoding="utf-8").splitlines()
            if any(_store_target(root, root / line) == store for line in lines if _is_blob(line)):
                return 0
            freed = _unlink(store)
            references.unlink()
            return freed
    except (OSError, UnicodeDecodeError, NotImplementedError, Timeout):
        return 0


def _is_blob(line: str) -> bool:
    parts = line.split("/")
    return len(parts) == 3 and "--" in parts[0] and parts[1] == "blobs" and ".." not in parts
