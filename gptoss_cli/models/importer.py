"""A GGUF file of a person's own gets a name: where it lies, by a link to it, or as a copy."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from gptoss_cli.errors import DiskFullError, GptossError, UsageError
from gptoss_cli.models.fit import in_words
from gptoss_cli.models.library import NO_ROOM, Hold, Imported, ImportedPart, Library
from gptoss_cli.models.names import CATALOG, DEMO
from gptoss_cli.models.weights import ModelFile, open_model

_LONGEST_NAME: Final = 64
_READ_BYTES: Final = 4 << 20
_LITTER: Final = re.compile(r"\.[0-9a-f]{16}\.new")

Report = Callable[[int, int], None]
"""Takes the bytes that are done and all there are."""


def import_model(
    path: Path,
    name: str | None,
    library: Library,
    *,
    hold: Hold = Hold.IN_PLACE,
    report: Report = lambda _done_bytes, _size_bytes: None,
) -> Imported:
    """Check the model at `path`, all its parts, and give it a name (that of its file by default).

    A link is a hard one: it costs no room, and the bytes stay when the original is removed.

    Raises UsageError for a name that cannot be given, ModelFileError for what is no gpt-oss,
    DiskFullError, and GptossError for what the disk refuses.
    """
    model = open_model(path).file
    name = usable_name(unicodedata.normalize("NFC", name or model.name))
    sources = [Path(os.path.abspath(part)) for part in model.parts]  # noqa: PTH100  links stay
    # What was made goes again when something fails, the list of models included.
    with contextlib.ExitStack() as made:
        with library.edit() as editor:
            taken = editor.shelf.find(name)
            if taken is not None:
                raise UsageError(
                    f"there is a model called {taken.name} already: {taken.path}.",
                    hint=f"another name (--name), or first: gptoss models rm {taken.name}",
                )
            folder = library.folder / "models" / name
            if hold is Hold.IN_PLACE:
                parts = tuple(ImportedPart(part, part.stat().st_size) for part in sources)
            elif _are_all_of(folder, sources):
                # A copy or link of before whose list of models was lost: it is there already.
                here = [folder / source.name for source in sources]
                parts = tuple(_hashed(here, report))
            else:
                parts = _brought(model, sources, folder, hold, report)
                made.callback(_unmake, folder, parts)
            imported = Imported(name, hold, parts)
            editor.shelf = replace(editor.shelf, imported=(*editor.shelf.imported, imported))
        made.pop_all()
    return imported


def usable_name(name: str) -> str:
    """Return `name` if it can be that of an imported model. Raises UsageError."""
    is_plain = all(c.isalnum() or c in "._-" for c in name)
    if not is_plain or not name[:1].isalnum() or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"{name[:80]!r} cannot be the name of a model.",
            hint="letters, digits, and . _ - between them, at most 64: --name NAME",
        )
    if name.casefold() == DEMO or name.casefold() in CATALOG:
        raise UsageError(f"{name} means another model already.", hint="--name NAME")
    return name


def forget(imported: Imported, library: Library) -> int:
    """Take a model out of the library; return the bytes that became free.

    Files that are held where they lay before stay there. Raises GptossError.
    """
    freed = 0
    with library.edit() as editor:
        editor.shelf = editor.shelf.without(imported.name)
        if imported.hold is not Hold.IN_PLACE:
            needed = {part.path for other in editor.shelf.imported for part in other.parts}
            folder = library.folder / "models" / imported.name
            own = [part.path for part in imported.parts if part.path.parent == folder]
            freed = _removed(folder, [path for path in own if path not in needed])
    return freed


def _removed(folder: Path, paths: Sequence[Path]) -> int:
    """Remove `paths` and, if nothing else is in it, their `folder`; return what became free.

    What else lies there is nobody's to remove, and so is all behind a link. Raises GptossError.
    """
    if folder.is_symlink():
        return 0
    freed = 0
    try:
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                path.unlink()
                freed += status.st_size if status.st_nlink == 1 else 0
    except OSError as error:
        raise GptossError(
            f"{error.filename or folder} cannot be removed: {error.strerror}.",
            hint="its permissions",
        ) from error
    with contextlib.suppress(OSError):  # something else is in it
        folder.rmdir()
    return freed


def _require_room(model: ModelFile, folder: Path) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if model.total_bytes > free_bytes:
        needed, free = in_words(model.total_bytes, free_bytes)
        raise DiskFullError(
            f"{model.path.name} takes {needed}; {free} are free in {folder}.",
            hint="without --copy the file is used where it lies",
        )


def _are_all_of(folder: Path, sources: Sequence[Path]) -> bool:
    """Return whether `sources` are the files of `folder`, all of them."""
    try:
        if folder.is_symlink() or any(not s.parent.samefile(folder) for s in sources):
            return False
        return {path.name for path in folder.iterdir()} == {source.name for source in sources}
    except OSError:
        return False


def _hashed(sources: Sequence[Path], report: Report) -> Iterator[ImportedPart]:
    size_bytes = sum(source.stat().st_size for source in sources)
    done_bytes = 0
    for source in sources:
        digest = hashlib.sha256()
        with source.open("rb") as reader:
            while piece := reader.read(_READ_BYTES):
                digest.update(piece)
                done_bytes += len(piece)
                report(done_bytes, size_bytes)
        yield ImportedPart(source, source.stat().st_size, digest.hexdigest())


def _brought(
    model: ModelFile, sources: Sequence[Path], folder: Path, hold: Hold, report: Report
) -> tuple[ImportedPart, ...]:
    """Link or copy `sources` into a new folder, which gets its name when all of them are there."""
    if os.path.lexists(folder):
        raise UsageError(
            f"{folder} is there already, and is none of the models that gptoss knows.",
            hint="another name (--name); what lies there can be imported, too",
        )
    fresh = folder.with_name(f".{os.urandom(8).hex()}.new")
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_litter(folder.parent, sources)
        if hold is Hold.COPY:
            _require_room(model, folder.parent)
        fresh.mkdir(mode=0o700)
        bring = _linked(sources, fresh) if hold is Hold.LINK else _copied(sources, fresh, report)
        parts = tuple(replace(part, path=folder / part.path.name) for part in bring)
        fresh.rename(folder)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if error.errno in NO_ROOM:
            raise DiskFullError(
                f"there is no room left in {folder.parent}.",
                hint="make room; without --copy the file is used where it lies",
            ) from error
        raise GptossError(f"the files cannot be brought to {folder}: {error.strerror}.") from error
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return parts


def _unmake(folder: Path, parts: Sequence[ImportedPart]) -> None:
    with contextlib.suppress(GptossError):
        _removed(folder, [part.path for part in parts])


def _remove_litter(parent: Path, sources: Sequence[Path]) -> None:
    """Remove what killed imports left; nobody else is at work, for the library is locked."""
    for path in parent.iterdir():
        if _LITTER.fullmatch(path.name) and path not in (source.parent for source in sources):
            shutil.rmtree(path, ignore_errors=True)


def _linked(sources: Sequence[Path], folder: Path) -> Iterator[ImportedPart]:
    for source in sources:
        place = folder / source.name
        try:
            place.hardlink_to(source.resolve())
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
                raise
            raise GptossError(
                f"{source} cannot be linked to from {folder.parent}: {error.strerror}.",
                hint="--copy, or neither: then the file is used where it lies",
            ) from error
        yield ImportedPart(place, place.stat().st_size)


def _copied(sources: Sequence[Path], folder: Path, report: Report) -> Iterator[ImportedPart]:
    size_bytes = sum(source.stat().st_size for source in sources)
    done_bytes = 0
    for source in sources:
        place, digest = folder / source.name, hashlib.sha256()
        with source.open("rb") as reader, place.open("xb") as writer:
            while piece := reader.read(_READ_BYTES):
                writer.write(piece)
                digest.update(piece)
                done_bytes += len(piece)
                report(done_bytes, size_bytes)
            writer.flush()
            os.fsync(writer.fileno())
        yield ImportedPart(place, place.stat().st_size, digest.hexdigest())
