"""Where things lie in the Hugging Face cache, and how it is walked without leaving it.

The layout is huggingface_hub's, so that every program that uses the hub shares one copy::

    ROOT/models--org--repo/blobs/<etag>               the bytes; for large files etag is the sha256
    ROOT/models--org--repo/blobs/<etag>….incomplete   bytes on their way (models.transfer.partial)
    ROOT/models--org--repo/snapshots/<commit>/<path>  a relative link to a blob, or the bytes
    ROOT/models--org--repo/refs/<branch or tag>       a file that holds the commit
    ROOT/.locks/models--org--repo/<etag>.lock         who downloads
    ROOT/blobs/<xx>/<hash>                            bytes to which blobs of several may link

A cache is shared and may hold anything: no link is followed out of a repository's folder to write
or remove, and what does not look like the layout is left alone. Names from the hub are checked
before they become paths (``models.syntax``).
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gptoss_cli.errors import DownloadError
from gptoss_cli.models.syntax import etag_fault, file_fault, is_commit, repo_id_fault
from gptoss_cli.models.transfer.partial import disk_errors

PREFIX: Final = "models--"
INCOMPLETE: Final = ".incomplete"
_LONGEST_REF: Final = 100  # a commit has 40 characters


def repo_folder(root: Path, repo_id: str) -> Path:
    """Return the folder of a repository. Raises DownloadError for a name that is none."""
    refuse_if(repo_id_fault(repo_id), "repository", repo_id)
    return root / (PREFIX + repo_id.replace("/", "--"))


def repo_id_of(folder: Path) -> str:
    """Return the repository that the cache's `folder` is named after; it may be no valid name."""
    return folder.name.removeprefix(PREFIX).replace("--", "/")


def blob_path(root: Path, repo_id: str, etag: str) -> Path:
    """Return where the bytes with `etag` (without quotes) belong. Raises DownloadError."""
    refuse_if(etag_fault(etag), "ETag", etag)
    return repo_folder(root, repo_id) / "blobs" / etag


def lock_path(root: Path, repo_id: str, etag: str) -> Path:
    """Return the lock that huggingface_hub takes, too, while it downloads these bytes."""
    folder = blob_path(root, repo_id, etag).parent.parent
    return root / ".locks" / folder.name / f"{etag}.lock"


def snapshot_path(root: Path, repo_id: str, commit: str, path: str) -> Path:
    """Return the place of the file called `path` in the snapshot of `commit`.

    Raises DownloadError for names that could lead out of the snapshot.
    """
    refuse_if(None if is_commit(commit) else "is not a hash", "commit", commit)
    refuse_if(file_fault(path), "file", path)
    return repo_folder(root, repo_id).joinpath("snapshots", commit, *path.split("/"))


def refuse_if(fault: str | None, kind: str, name: str) -> None:
    """Raise DownloadError when there is a `fault`: `name` came from outside and is unusable."""
    if fault:
        raise DownloadError(
            f"the hub's name of a {kind} cannot be used here: {name[:80]!r} {fault}.",
            hint="do not trust this repository" if kind == "file" else "check HF_ENDPOINT",
        )


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Translate the system's errors while `path` is written: DiskFullError, DownloadError."""
    with disk_errors(path):
        try:
            yield
        except OSError as error:
            if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
                raise
            raise DownloadError(
                f"the cache may not be written: {error.filename or path}.",
                hint="HF_HOME names another folder for the cache",
            ) from error


def folders(parent: Path) -> Iterator[Path]:
    """Yield the folders in `parent`, links to folders included; none if it cannot be read."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.is_dir():
                yield Path(entry.path)


def walk(folder: Path) -> Iterator[Path]:
    """Yield everything below `folder` that is no folder; links to folders are not entered."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from walk(Path(entry.path))
            else:
                yield Path(entry.path)


def folder_fault(folder: Path) -> str | None:
    """Return why a repository's folder is not to be touched."""
    if repo_id_fault(repo_id_of(folder)):
        return "is not named after a repository"
    for part in (folder, folder / "blobs", folder / "snapshots", folder / "refs"):
        if os.path.islink(part):  # noqa: PTH114  never raises
            return "is a link" if part == folder else f"has a link in place of {part.name}"
    return None


def blob_of(folder: Path, location: Path) -> Path | None:
    """Return where the repository in `folder` keeps the bytes of a file of a snapshot.

    That is the first link's target: a blob may itself be a link, to bytes that several
    repositories share. None when a link leads anywhere but to this repository's blobs.
    """
    if not location.is_symlink():
        return location
    target = Path(os.path.normpath(location.parent / location.readlink()))
    return target if target.parent == folder / "blobs" else None


def allocated_bytes(status: os.stat_result) -> int:
    """Return what a file takes on the disk, where the system tells, at most its length."""
    blocks = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else min(status.st_size, blocks * 512)


def read_refs(folder: Path) -> dict[str, str]:
    """Return the commit of each branch and tag that the cache knows of a repository."""
    refs = {}
    for path in walk(folder / "refs"):
        if not path.is_file():
            continue  # a pipe would never end
        with contextlib.suppress(OSError, UnicodeDecodeError), path.open("rb") as file:
            name = path.relative_to(folder / "refs").as_posix()
            refs[name] = file.read(_LONGEST_REF).decode().strip()
    return refs


def make_folders(root: Path, folder: Path) -> None:
    """Make `folder` below `root`; a link on the way there is an error, never followed."""
    current = root
    for part in folder.relative_to(root).parts:
        current /= part
        current.mkdir(exist_ok=True)
        if current.is_symlink():
            raise DownloadError(
                f"{current} is a link; nothing is written through links in the cache.",
                hint=f"remove it, or put the whole cache elsewhere: {root} may be a link",
            )
