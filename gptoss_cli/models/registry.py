"""From the name of a model to its file, and back: which models are here, by which names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Final

from gptoss_cli.errors import NoModelError, UsageError
from gptoss_cli.models.cache.contents import CachedModel, CacheListing
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.choice import Unclear, Undecided
from gptoss_cli.models.library import Imported, Library, Shelf
from gptoss_cli.models.names import Demo, HubModel, LocalPath, ModelName, is_built_in, parse

_WORD: Final = re.compile(r"[\w.-]+")
DEMO_FILE: Final = Path(__file__).with_name("demo.gguf")


class _Kind(Enum):
    FILE = "file"
    FOLDER = "folder"


def _kind(name: str) -> _Kind | None:
    """Return what the path `name` leads to, None where it leads to nothing."""
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return _Kind.FOLDER
        return _Kind.FILE if path.exists() else None
    except (OSError, RuntimeError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that can be run. ``name`` is the shortest that means it."""

    name: str
    model: CachedModel | Imported
    is_default: bool = False

    @property
    def path(self) -> Path:
        """The file llama.cpp is given: the first part."""
        return self.model.path

    def is_at(self, path: Path | None) -> bool:
        """Return whether `path` is its first file, or that of the same bytes at another commit."""
        if path is None or isinstance(self.model, Imported):
            return path == self.path
        return self.model.is_at(path)


class Registry:
    """The models of this person: the hub's cache, and what the library names.

    `endpoint` is the hub's address, whose pages are understood as names.
    """

    def __init__(self, cache: CacheFolder, library: Library, *, endpoint: str) -> None:
        self.cache = cache
        self.library = library
        self._endpoint = endpoint

    def parse(self, name: str, *, is_saved: bool = False) -> ModelName | Imported:
        """Return what `name` means: an imported model, or what ``names.parse`` says.

        A file of that name wins over a repository; a folder does not, for it cannot be run; and
        neither does for a name that `is_saved`, which means the same wherever it is read.

        Raises UsageError for what can be no name.
        """
        is_plain = bool(name) and "/" not in name and not is_built_in(name)
        if is_plain and (found := self.library.read().find(name)):
            return found
        kind = None if is_saved or not name else _kind(name)
        try:
            return parse(name, is_path=kind is _Kind.FILE, endpoint=self._endpoint)
        except UsageError:
            if kind is _Kind.FOLDER:
                return LocalPath(Path(name))  # to be told that it is one
            raise

    def resolve(self, name: str | None, *, is_saved: bool = False) -> Path:
        """Return the file of the model called `name`, or of the default; `is_saved` as in parse.

        Raises NoModelError when it is not here or none is, UsageError for what is no name.
        """
        if name is None:
            return self._default()[1]
        try:
            meant = self.parse(name, is_saved=is_saved)
        except UsageError as error:
            if not _WORD.fullmatch(name):
                raise
            # It could be the name of an import that is gone: for scripts, no model either way.
            raise NoModelError(str(error), hint=error.hint) from None
        match meant:
            case Demo():
                return DEMO_FILE
            case LocalPath(path):
                try:
                    return path.expanduser()
                except RuntimeError:  # ~somebody that is nobody
                    return path
            case Imported() as imported:
                return imported.path
            case HubModel() as model:
                found = self.cache.find(model)
                if isinstance(found, Undecided):
                    raise _not_here(model, found)
                return found.path

    def lasting_name(self, name: str | None) -> str:
        """Return what means the model called `name`, or the default, later and elsewhere, too.

        Raises as ``resolve`` does.
        """
        if name is None:
            return self.default_name()
        if isinstance(self.parse(name), LocalPath):
            return str(self.resolve(name).absolute())
        return name

    def default_name(self) -> str:
        """Return the name of the model chosen with ``models use``, or of the only one.

        Raises NoModelError when it is not here, or none is chosen.
        """
        return self._default()[0]

    def _default(self) -> tuple[str, Path]:
        wanted = self.library.read().default
        if wanted is not None:
            try:
                return wanted, self.resolve(wanted, is_saved=True)
            except NoModelError as error:
                raise NoModelError(
                    f"the model chosen as the default is not here any more: {wanted}.",
                    hint=f"gptoss pull {wanted}, or choose another: gptoss models use NAME",
                ) from error
        installed = self.installed()
        if len(installed) == 1:
            return installed[0].name, installed[0].path
        if not installed:
            raise NoModelError(
                "no model is installed.",
                hint="gptoss pull 20b (12.1 GB), or the one in the program: gptoss run -m demo hi",
            )
        names = ", ".join(entry.name for entry in installed[:5])
        raise NoModelError(
            f"several models are installed and none is chosen: {names}.",
            hint=f"gptoss models use {installed[0].name}, or -m",
        )

    def installed(
        self, listing: CacheListing | None = None, shelf: Shelf | None = None
    ) -> list[Installed]:
        """Return all models that can be run, by name; the only one is the default.

        `listing`: what the cache holds, `shelf`: what the library does, if that is known already.
        """
        shelf = self.library.read() if shelf is None else shelf
        in_cache = (listing or self.cache.scan()).models
        models: list[CachedModel | Imported] = [*in_cache, *shelf.imported]
        entries = [Installed(self._name(model), model) for model in models]
        entries.sort(key=lambda entry: entry.name.casefold())
        if len(entries) == 1 and shelf.default is None:
            return [replace(entries[0], is_default=True)]
        default = self._default_path(shelf)
        return [replace(entry, is_default=entry.is_at(default)) for entry in entries]

    def use(self, name: str) -> Installed:
        """Make the model called `name` the default and return it.

        Raises NoModelError when it is not here, UsageError for a path or what is no name.
        """
        path = self.resolve(name)
        found = next((entry for entry in self.installed() if entry.is_at(path)), None)
        if found is None:
            raise UsageError(
                f"{name} cannot be the default: it is not among the installed models.",
                hint=f"gptoss models import {path}" if path != DEMO_FILE else "gptoss run -m demo",
            )
        if isinstance(found.model, Imported) and found.model.is_missing:
            raise NoModelError(
                f"the file of {found.name} is missing: {found.path}.",
                hint=f"bring it back, or gptoss models rm {found.name}",
            )
        with self.library.edit() as editor:
            editor.shelf = replace(editor.shelf, default=found.name)
        return replace(found, is_default=True)

    def drop_lost_default(self) -> None:
        """Choose no default any more if the model that was chosen has been removed."""
        shelf = self.library.read()
        if shelf.default is not None and self._default_path(shelf) is None:
            with self.library.edit() as editor:
                editor.shelf = replace(editor.shelf, default=None)

    def _default_path(self, shelf: Shelf) -> Path | None:
        if shelf.default is None:
            return None
        try:
            return self.resolve(shelf.default, is_saved=True)
        except (NoModelError, UsageError):
            return None

    def _name(self, model: CachedModel | Imported) -> str:
        """Return the shortest name that means `model` among all that is here."""
        if isinstance(model, Imported):
            return model.name
        names = list(_names(model))
        for name in names:
            found = self.cache.find(name)
            if isinstance(found, CachedModel) and found.path == model.path:
                return name.short
        return names[-1].short


def _names(model: CachedModel) -> Iterator[HubModel]:
    """Yield names of `model`, from the shortest to the one that says everything."""
    for revision in (None, *model.revisions, model.commit[:12], model.commit):
        plain = HubModel(model.repo_id, revision=revision)
        yield plain
        if model.quantization:
            yield replace(plain, quantization=model.quantization)
        yield replace(plain, file=model.files[0].path)


def _not_here(model: HubModel, undecided: Undecided) -> NoModelError:
    here = ", ".join(candidate.model.short for candidate in undecided.candidates[:4])
    if undecided.why is Unclear.AMBIGUOUS:
        return NoModelError(undecided.message, hint=f"one of: {here}")
    hint = f"gptoss pull {model.short}"
    return NoModelError(undecided.message, hint=f"{hint}; here is {here}" if here else hint)
