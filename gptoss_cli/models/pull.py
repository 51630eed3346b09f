"""A model of the hub into the cache: ask what there is, choose, compare with the disk, fetch, link.

Files are fetched by commit, each into its blob (``models.transfer``), and linked one by one as they
are whole. So a split model whose download was interrupted keeps its finished parts, and is listed
as unfinished until the last one is there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gptoss_cli.errors import DiskFullError, RemoteChangedError
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.choice import RepoFile, Undecided, WeightSet, choose, exact_name
from gptoss_cli.models.fit import in_words
from gptoss_cli.models.hub.errors import refusals_explained
from gptoss_cli.models.hub.repositories import (
    Repository,
    headers_for,
    remote_file,
    repository,
    token_of,
)
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.settings import HubSettings
from gptoss_cli.models.transfer.fetch import DEFAULT_POLICY, Listener, Policy, fetch
from gptoss_cli.models.transfer.journal import Purpose
from gptoss_cli.models.transfer.partial import recorded

_TIMES_CHANGED: Final = 3
# What the disk needs beside the bytes themselves: journals, links, the file system's own tables.
_SPARE_BYTES: Final = 64 << 20


Identity = tuple[int, int, int]
"""Device, inode and time of change of a file: another one of its name has others."""


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file of the model. ``done_bytes`` are in the cache already, all of them if it is whole.

    ``replaced`` tells the damaged file apart that stays until this one is whole; else None.
    """

    file: RepoFile
    blob: Path
    done_bytes: int
    replaced: Identity | None = None

    @property
    def missing_bytes(self) -> int:
        """What is to be fetched of it."""
        return self.file.size_bytes - self.done_bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pull will do: ``weights`` of ``repository``, in ``files`` of which some may be here.

    ``name`` is the shortest that means these weights among all of the repository, ``free_bytes``
    what the disk of the cache has left.
    """

    model: HubModel
    repository: Repository
    weights: WeightSet
    files: tuple[WantedFile, ...]
    free_bytes: int
    name: HubModel

    @property
    def missing_bytes(self) -> int:
        """What is to be fetched."""
        return sum(wanted.missing_bytes for wanted in self.files)

    @property
    def fits_disk(self) -> bool:
        """Whether the disk has room for what is missing."""
        return not self.missing_bytes or self.missing_bytes + _SPARE_BYTES <= self.free_bytes

    def require_room(self) -> None:
        """Raise DiskFullError when the disk has no room for what is missing."""
        if not self.fits_disk:
            folder = self.files[0].blob.parent
            needed, free = in_words(self.missing_bytes + _SPARE_BYTES, self.free_bytes)
            way_out = "name another folder with HF_HOME"
            if any(wanted.replaced for wanted in self.files):
                way_out = "remove the damaged model first (gptoss models rm) and pull it again"
            raise DiskFullError(
                f"{self.model.short} needs {needed} more on the disk; {free} are free in {folder}.",
                hint=f"make room (gptoss models df), or {way_out}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PullListener:
    """Who is told about a pull; all are called on the calling thread.

    ``report``: number of the file, bytes of it that are there. ``notify``: a sentence.
    ``cancelled``: whether to stop.
    """

    report: Callable[[int, int], None] = lambda _number, _done_bytes: None
    notify: Callable[[str], None] = lambda _sentence: None
    cancelled: Callable[[], bool] = lambda: False


def plan(model: HubModel, settings: HubSettings, cache: CacheFolder) -> Plan | Undecided:
    """Ask the hub what `model` is and the cache what is here of it.

    Raises what ``hub.repositories.repository`` does.
    """
    found = repository(model, settings)
    weights = choose(model, found.files)
    if isinstance(weights, Undecided):
        return weights
    return _plan(model, found, weights, cache)


def replacing(plan: Plan, damaged: Collection[str], cache: CacheFolder) -> Plan:
    """Return `plan` for fetching the `damaged` files (paths in the repository) again.

    What an earlier attempt has brought of them counts. They stay until what replaces them is whole.
    """
    wanted = (
        _replacing(plan.repository, wanted, cache) if wanted.file.path in damaged else wanted
        for wanted in plan.files
    )
    return replace(plan, files=tuple(wanted))


def pull(
    plan: Plan,
    settings: HubSettings,
    cache: CacheFolder,
    *,
    listener: PullListener | None = None,
    policy: Policy = DEFAULT_POLICY,
) -> Plan:
    """Fetch what is missing; return the plan that was carried out, another if the hub changed.

    Raises DownloadError and its kinds; what came stays for the next pull.
    """
    listener = listener or PullListener()
    for remaining in reversed(range(_TIMES_CHANGED)):
        plan.require_room()
        try:
            _fetch_all(plan, settings, cache, listener, policy)
        except RemoteChangedError:
            if not remaining or any(wanted.replaced for wanted in plan.files):
                raise  # damage is mended with what was there, not with something else
            listener.notify("the model has changed on the hub; beginning with the new one")
            plan = _again(plan, settings, cache)
        else:
            break
    return plan


def _plan(model: HubModel, found: Repository, weights: WeightSet, cache: CacheFolder) -> Plan:
    wanted = tuple(_wanted(found, file, cache) for file in weights.files)
    free_bytes = cache.free_bytes()
    if free_bytes is None:
        free_bytes = 1 << 62  # writing will tell
    return Plan(model, found, weights, wanted, free_bytes, exact_name(model, weights, found.files))


def _again(plan: Plan, settings: HubSettings, cache: CacheFolder) -> Plan:
    """Return the plan for what the hub has now, of the same kind as before."""
    found = repository(plan.model, settings)
    weights = choose(plan.model, found.files)
    if isinstance(weights, Undecided):
        raise RemoteChangedError(
            f"{plan.model.short} has changed on the hub while it was downloaded.",
            hint=f"gptoss models show {plan.model.short}",
        )
    return _plan(plan.model, found, weights, cache)


def _wanted(found: Repository, file: RepoFile, cache: CacheFolder) -> WantedFile:
    blob = cache.blob_path(found.repo_id, file.etag)
    place = cache.snapshot_path(found.repo_id, found.commit, file.path)
    wanted = WantedFile(file, blob, _recorded_bytes(blob, file))
    if _is_whole(blob, file) or _is_kept_in_place(place, file):
        begun = recorded(blob)
        if begun is not None and begun.purpose.replaces:  # a repair that was interrupted
            return _replacing(found, wanted, cache)
        return replace(wanted, done_bytes=file.size_bytes)
    return wanted


def _recorded_bytes(blob: Path, file: RepoFile) -> int:
    begun = recorded(blob)
    is_of_this = begun and (begun.etag, begun.size_bytes) == (file.etag, file.size_bytes)
    return begun.done_bytes if begun and is_of_this else 0


def _replacing(found: Repository, wanted: WantedFile, cache: CacheFolder) -> WantedFile:
    place = cache.snapshot_path(found.repo_id, found.commit, wanted.file.path)
    done_bytes = _recorded_bytes(wanted.blob, wanted.file)
    replaced = _identity(place) or _identity(wanted.blob)
    return replace(wanted, done_bytes=done_bytes, replaced=replaced)


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _is_whole(path: Path, file: RepoFile) -> bool:
    try:
        return path.is_file() and path.stat().st_size == file.size_bytes
    except OSError:
        return False


def _is_kept_in_place(place: Path, file: RepoFile) -> bool:
    """Return whether the bytes lie in the snapshot itself, as on disks without links."""
    return not place.is_symlink() and _is_whole(place, file)


def _fetch_all(
    plan: Plan, settings: HubSettings, cache: CacheFolder, listener: PullListener, policy: Policy
) -> None:
    found = plan.repository
    headers = headers_for(token_of(settings))
    cache.prepare(found.repo_id)
    for number, wanted in enumerate(plan.files):
        file = wanted.file
        place = cache.snapshot_path(found.repo_id, found.commit, file.path)
        if wanted.replaced or not _is_kept_in_place(place, file):
            remote = remote_file(found, file, settings)
            each = _listener_of(listener, number)
            lock = cache.lock_path(found.repo_id, file.etag)
            with refusals_explained(plan.model, settings, headers):
                fetch(
                    remote,
                    wanted.blob,
                    lock=lock,
                    headers=headers,
                    policy=policy,
                    listener=each,
                    purpose=Purpose(
                        str(plan.name),
                        file.path,
                        plan.weights.size_bytes,
                        replaces=wanted.replaced is not None,
                    ),
                    is_elsewhere=functools.partial(_has_come, wanted, place),
                )
        cache.link(
            found.repo_id,
            commit=found.commit,
            path=file.path,
            etag=file.etag,
            revision=found.revision,
        )
        listener.report(number, file.size_bytes)


def _has_come(wanted: WantedFile, place: Path) -> bool:
    """Return whether another program has brought the file meanwhile to where it is used."""
    if wanted.replaced is None:
        return _is_kept_in_place(place, wanted.file)
    now = _identity(place) or _identity(wanted.blob)
    return now is not None and now != wanted.replaced


def _listener_of(listener: PullListener, number: int) -> Listener:
    def report(done_bytes: int, _size_bytes: int) -> None:
        listener.report(number, done_bytes)

    return Listener(report=report, notify=listener.notify, cancelled=listener.cancelled)
