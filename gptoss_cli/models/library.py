"""What a person arranged: which model is the default, and names for files of their own.

One small JSON file, written beside and renamed, under a lock: it is whole at any moment, also with
several programs at once. Models of the hub do not stand in it; the cache itself is the list.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final

from gptoss_cli.errors import DiskFullError, GptossError

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_VERSION: Final = 1
_LONGEST_BYTES: Final = 4 << 20
_WAIT_S: Final = 10.0


class Hold(Enum):
    """How the files of an imported model are held; the values stand in the file."""

    IN_PLACE = "in place"
    LINK = "link"
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class ImportedPart:
    """A file of an imported model; ``sha256`` is None as long as nobody has computed it."""

    path: Path
    size_bytes: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A model that a person gave a name."""

    name: str
    hold: Hold
    parts: tuple[ImportedPart, ...]

    @property
    def path(self) -> Path:
        """The file llama.cpp is given: the first part."""
        return self.parts[0].path

    @property
    def size_bytes(self) -> int:
        """The size of its files together."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def is_missing(self) -> bool:
        """Whether a file of it is not there any more."""
        return not all(os.path.isfile(part.path) for part in self.parts)  # noqa: PTH113  never raises


@dataclass(frozen=True, slots=True)
class Shelf:
    """The contents of the library; ``default`` is the name of a model, as it was given."""

    default: str | None = None
    imported: tuple[Imported, ...] = ()

    def find(self, name: str) -> Imported | None:
        """Return the imported model of this name, in any case."""
        key = _key(name)
        return next((model for model in self.imported if _key(model.name) == key), None)

    def without(self, name: str) -> Shelf:
        """Return the shelf without the imported model `name`."""
        key = _key(name)
        default = None if self.default and _key(self.default) == key else self.default
        kept = tuple(model for model in self.imported if _key(model.name) != key)
        return replace(self, default=default, imported=kept)


def _key(name: str) -> str:
    # Hangul comes composed from some keyboards and decomposed from some disks.
    return unicodedata.normalize("NFC", name).casefold()


class Library:
    """The file in `folder`, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "models.json"

    def read(self) -> Shelf:
        """Return what stands in the file. Raises GptossError if it cannot be understood."""
        try:
            with self._file.open("rb") as file:
                content = file.read(_LONGEST_BYTES + 1)
        except FileNotFoundError:
            return Shelf()
        except OSError as error:
            raise self._refused(error) from error
        try:
            return _shelf(json.loads(content.decode("utf-8", "surrogateescape")))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise GptossError(
                f"the list of models {self._file} cannot be used: it is damaged.",
                hint="move it away; imported models can be imported again",
            ) from error

    def look(self) -> tuple[Shelf, GptossError | None]:
        """Return what stands in the file, or an empty shelf and why it cannot be read."""
        try:
            return self.read(), None
        except GptossError as error:
            return Shelf(), error

    @contextlib.contextmanager
    def edit(self) -> Iterator[_Editor]:
        """Yield an editor whose ``shelf`` may be replaced; it is written in the end.

        Raises GptossError when the file cannot be read or written; what stood in it still does.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415  reading needs none

        lock = FileLock(self._file.with_suffix(".lock"))
        with self._explained():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=_WAIT_S)
            except Timeout as error:
                raise GptossError(
                    "another gptoss is importing or removing a model.",
                    hint="the same command again when that is done",
                ) from error
        try:
            editor = _Editor(self.read())
            before = editor.shelf
            yield editor
            if editor.shelf != before:
                with self._explained():
                    self._write(editor.shelf)
        finally:
            lock.release()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refused(error) from error

    def _write(self, shelf: Shelf) -> None:
        fresh = self._file.with_suffix(".new")
        try:
            # Paths need not be UTF-8: their bytes come back as they were.
            with fresh.open("w", encoding="utf-8", errors="surrogateescape") as file:
                json.dump(_plain(shelf), file, ensure_ascii=False, indent=2)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._file)
        except BaseException:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise

    def _refused(self, error: OSError) -> GptossError:
        """Return what the system's refusal means; the file itself is whole."""
        if error.errno in NO_ROOM:
            return DiskFullError(
                f"there is no room left in {self.folder} for the list of models.",
                hint="make room; the list is as it was",
            )
        reason = error.strerror or type(error).__name__
        return GptossError(
            f"the list of models {self._file} cannot be used: {reason}.",
            hint=f"its permissions, and those of {self.folder}",
        )


@dataclass(slots=True)
class _Editor:
    """Holds what will be written."""

    shelf: Shelf


def _plain(shelf: Shelf) -> dict[str, Any]:
    imported = [
        {
            "name": model.name,
            "hold": model.hold.value,
            "parts": [asdict(part) | {"path": os.fspath(part.path)} for part in model.parts],
        }
        for model in shelf.imported
    ]
    return {"version": _VERSION, "default": shelf.default, "imported": imported}


def _shelf(plain: Any) -> Shelf:
    if plain["version"] != _VERSION:
        raise ValueError
    default = plain["default"]
    if default is not None and not isinstance(default, str):
        raise TypeError
    return Shelf(default, tuple(map(_imported, plain["imported"])))


def _imported(plain: Any) -> Imported:
    parts = tuple(
        ImportedPart(Path(part["path"]), int(part["size_bytes"]), part["sha256"])
        for part in plain["parts"]
    )
    if not parts or not isinstance(plain["name"], str):
        raise ValueError
    return Imported(plain["name"], Hold(plain["hold"]), parts)
