"""Paths, globs and addresses to documents."""

from __future__ import annotations

import io
import locale
import os
import tempfile
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from gptoss_cli.addresses import without_login
from gptoss_cli.documents.conversion import check
from gptoss_cli.documents.document import (
    MOST_TEXT_BYTES,
    Document,
    is_address,
)
from gptoss_cli.documents.files import Files
from gptoss_cli.documents.folders import is_glob, matches, natural
from gptoss_cli.documents.jobs import DEFAULT_LIMITS, Limits
from gptoss_cli.errors import UsageError

MOST_MATCHES: Final = 100
"""How many files one glob may bring."""

_MOST_ALTOGETHER: Final = 4 * MOST_TEXT_BYTES  # characters
_MOST_LOOKED_AT: Final = 10_000  # to find them among what is no text


def read(
    names: Sequence[str],
    *,
    base: Path,
    cancelled: Callable[[], bool] = lambda: False,
    limits: Limits = DEFAULT_LIMITS,
) -> list[Document]:
    """Return the documents that `names` (paths, globs, addresses) name, in their order.

    Paths are relative to `base`; what exists under a name wins over the glob that it may be. A
    file named twice is read once. What a glob matches and is not text is left out; the last
    document it brings says in its note how many those were.

    Raises UsageError for what cannot be read, DownloadError for addresses that cannot be
    fetched, CancelledError within 0.3 s after `cancelled` says so.
    """
    reader = _Reader(base, cancelled, limits)
    for name in names:
        reader.add(name)
    return reader.documents


def read_bytes(
    content: bytes,
    name: str,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    limits: Limits = DEFAULT_LIMITS,
) -> Document:
    """Return what `content` says, which came from elsewhere (standard input) under `name`.

    Raises as ``read`` does.
    """
    return _files(cancelled, limits).opened(io.BytesIO(content), len(content), name)


class _TooMuchError(UsageError):
    """There is too much text, whatever else there is to read."""


class _Reader:
    """One call of ``read``."""

    def __init__(self, base: Path, cancelled: Callable[[], bool], limits: Limits) -> None:
        self.documents: list[Document] = []
        self._base = base
        self._cancelled = cancelled
        self._files = _files(cancelled, limits)
        self._length = 0
        self._seen: set[tuple[int, int]] = set()

    def add(self, name: str) -> None:
        """Read what `name` names, be it one or many."""
        check(self._cancelled)
        if not name.strip():
            raise UsageError(
                "a document has an empty name.", hint="name a file, a glob or https://…"
            )
        if is_address(name):
            self.documents.append(self._keep(self._address(name)))
            return
        path = self._path(name)
        if is_glob(name) and not os.path.lexists(path):
            self._add_glob(name)
            return
        document = self._file(path, name)
        if document is not None:
            self.documents.append(document)

    def _keep(self, document: Document) -> Document:
        """Return `document` if there is room for it beside those read before."""
        self._length += len(document.text)
        if self._length > _MOST_ALTOGETHER:
            raise _TooMuchError("the documents are too long together.", hint="name fewer of them")
        return document

    def _path(self, name: str) -> Path:
        try:
            path = self._base / Path(name).expanduser()
        except RuntimeError:  # nobody is called so
            path = self._base / name
        if "\0" in name:
            raise UsageError("a document has a name that no file can have.", hint="check the name")
        return path

    # Addresses

    def _address(self, address: str) -> Document:
        # In a file, not among the arguments: those are for everybody on this machine to read.
        with tempfile.TemporaryFile() as file:
            try:
                file.write(address.strip().encode("utf-8"))
            except UnicodeEncodeError:
                raise UsageError(
                    "an address is not valid UTF-8.", hint="check the encoding of the terminal"
                ) from None
            return self._files.convert(file, without_login(address.strip()), is_address=True)

    # Globs

    def _add_glob(self, pattern: str) -> None:
        # The base folder may have brackets in its name, too: those are no pattern.
        parts = Path(pattern).parts
        first = next(index for index, part in enumerate(parts) if is_glob(part))
        root = self._path(os.path.join(*parts[:first]) if first else ".")  # noqa: PTH118
        found = list(
            islice(
                matches(root, parts[first:], lambda: check(self._cancelled)), _MOST_LOOKED_AT + 1
            )
        )
        if len(found) > _MOST_LOOKED_AT:
            raise _too_many(pattern, _MOST_LOOKED_AT)
        left_out: list[UsageError] = []
        documents: list[Document] = []
        for match in sorted(found, key=lambda match: natural(os.fspath(match))):
            check(self._cancelled)
            try:
                document = self._file(match, self._name(match, pattern))
            except _TooMuchError:
                raise
            except UsageError as error:
                left_out.append(error)
                continue
            if document is not None:
                documents.append(document)
            if len(documents) > MOST_MATCHES:
                raise _too_many(pattern, MOST_MATCHES)
        if not found:
            raise UsageError(f"{pattern} matches no file.", hint=_glob_hint(pattern))
        if len(left_out) == len(found):
            raise UsageError(f"{pattern} matches no text. {left_out[0]}", hint=left_out[0].hint)
        if documents:
            documents[-1] = _with_left_out(documents[-1], len(left_out))
        self.documents += documents

    def _file(self, path: Path, name: str) -> Document | None:
        """Return the document in one file, None for one that was read already."""
        try:
            status = path.stat()
            key = (status.st_dev, status.st_ino)
        except (OSError, ValueError):
            key = (0, 0)
        if key in self._seen and key[1]:
            return None
        document = self._files.read(path, name)
        self._seen.add(key)
        return self._keep(document)

    def _name(self, match: Path, pattern: str) -> str:
        # Relative where the pattern is; ~ is a place of its own.
        if pattern.startswith("~") or Path(pattern).is_absolute():
            return os.fspath(match)
        return os.path.relpath(match, self._base)


def _files(cancelled: Callable[[], bool], limits: Limits) -> Files:
    local = locale.getpreferredencoding(False)
    return Files(cancelled=cancelled, limits=limits, local=local)


def _with_left_out(document: Document, count: int) -> Document:
    if not count:
        return document
    said = f"{count:,} other match{'' if count == 1 else 'es'} could not be read as text"
    note = f"{document.note}; {said}" if document.note else said
    return Document(document.name, document.text, document.kind, document.size_bytes, note)


def _too_many(pattern: str, most: int) -> UsageError:
    return UsageError(
        f"{pattern} matches more than {most:,} files.", hint="a narrower glob, such as src/*.py"
    )


def _glob_hint(pattern: str) -> str:
    parts = pattern.replace(os.sep, "/").split("/")
    if any(part.startswith(".") and part not in {".", ".."} for part in parts):
        return "check the folder it begins in"
    return "hidden files are matched only by a pattern with the dot: .*"
