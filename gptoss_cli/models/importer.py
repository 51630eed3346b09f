"""A GGUF file of a person's own gets a name: where it lies, by a link to it, or as a copy."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from gptoss_cli.errors import DiskFullError, GptossError, UsageError
from gptoss_cli.models.library import Hold, Imported, ImportedPart, Library
from gptoss_cli.models.names import CATALOG, DEMO
from gptoss_cli.models.weights import ModelFile, open_model

_LONGEST_NAME: Final = 64
_READ_BYTES: Final = 4 << 20
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

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
    with library.edit() as editor:
        taken = editor.shelf.find(name)
        if taken is not None:
            raise UsageError(
                f"there is a model called {taken.name} already: {taken.path}.",
                hint=f"another name (--name), or first: gptoss models rm {taken.name}",
            )
        folder = library.folder / "models" / name
        match hold:
            case Hold.IN_PLACE:
                parts = tuple(ImportedPart(part, part.stat().st_size) for part in sources)
            case Hold.LINK:
                parts = tuple(_linked(sources, folder))
            case Hold.COPY:
                _require_room(model, library.folder)
                parts = tuple(_copied(sources, folder, report))
        imported = Imported(name, hold, parts)
        editor.shelf = replace(editor.shelf, imported=(*editor.shelf.imported, imported))
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
        folder = library.folder / "models" / imported.name
        if imported.hold is not Hold.IN_PLACE and folder.is_dir() and not folder.is_symlink():
            try:
                for path in folder.iterdir():
                    status = path.lstat()
                    freed += status.st_size if status.st_nlink == 1 else 0
                shutil.rmtree(folder)
            except OSError as error:
                raise GptossError(
                    f"{folder} cannot be removed: {error.strerror}.", hint="its permissions"
                ) from error
    return freed


def _require_room(model: ModelFile, folder: Path) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if model.total_bytes > free_bytes:
        raise DiskFullError(
            f"a copy of {model.name} needs {model.total_bytes / 1e9:,.1f} GB; "
            f"{free_bytes / 1e9:,.1f} GB are free in {folder}.",
            hint="without --copy the file is used where it lies",
        )


def _linked(sources: list[Path], folder: Path) -> Iterator[ImportedPart]:
    with _made(folder):
        for source in sources:
            place = folder / source.name
            try:
                place.hardlink_to(source.resolve())
            except OSError as error:
                if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP}:
                    raise
                raise GptossError(
                    f"{source} cannot be linked to from {folder}: {error.strerror}.",
                    hint="--copy, or neither: then the file is used where it lies",
                ) from error
            yield ImportedPart(place, place.stat().st_size)


def _copied(sources: list[Path], folder: Path, report: Report) -> Iterator[ImportedPart]:
    size_bytes = sum(source.stat().st_size for source in sources)
    done_bytes = 0
    with _made(folder):
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


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make `folder`; remove it again, with what is in it, unless all goes well."""
    try:
        if folder.exists():  # of an import that was killed: nobody refers to it
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700, parents=True)
        yield
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno in _NO_ROOM:
            raise DiskFullError(
                f"there is no room left in {folder.parent}.",
                hint="make room; without --copy the file is used where it lies",
            ) from error
        raise GptossError(f"the files cannot be brought to {folder}: {error.strerror}.") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
