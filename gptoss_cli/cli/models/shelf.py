"""Where the commands about models find them: the environment, read once and handed down."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gptoss_cli.config.hub import hub_settings
from gptoss_cli.config.paths import user_paths
from gptoss_cli.errors import NoModelError, UsageError
from gptoss_cli.models.cache.contents import CachedModel
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.choice import Undecided
from gptoss_cli.models.library import Imported, Library
from gptoss_cli.models.names import Demo, HubModel, LocalPath
from gptoss_cli.models.registry import Registry
from gptoss_cli.models.settings import HubSettings


@dataclass(frozen=True, slots=True)
class Shelf:
    """The models of this person, and where more come from."""

    settings: HubSettings
    cache: CacheFolder
    library: Library
    registry: Registry

    def hub_model(self, name: str, verb: str) -> HubModel:
        """Return the model of the hub that `name` means, for a command that does `verb`.

        Raises UsageError for all others.
        """
        match self.registry.parse(name):
            case HubModel() as model:
                return model
            case Demo():
                raise UsageError(
                    f"demo is part of the program: there is nothing to {verb}.",
                    hint="gptoss run -m demo hi",
                )
            case LocalPath(path) if not os.path.exists(os.path.expanduser(path)):  # noqa: PTH110, PTH111
                raise UsageError(
                    f"there is no file {name}, and no model of the hub is called so.",
                    hint="org/repo, or org/repo/file.gguf; gptoss models search WORD finds some",
                )
            case _:
                raise UsageError(
                    f"{name} is on this machine: there is nothing to {verb}.",
                    hint=f"gptoss run -m {name} hi",
                )

    def installed(self, name: str, *, or_rest: bool = False) -> CachedModel | Imported:
        """Return the model called `name`, which must be installed. Raises NoModelError.

        `or_rest`: what is left of one of which files are missing will do.
        """
        found = self.registry.parse(name)
        if isinstance(found, Imported):
            return found
        if isinstance(found, HubModel):
            cached = self.cache.find(found)
            if isinstance(cached, Undecided):
                if or_rest and (rest := self.cache.find_rest(found)):
                    return rest
                hint = f"gptoss pull {found.short}; gptoss models ls shows what is here"
                raise NoModelError(cached.message, hint=hint)
            return cached
        raise UsageError(
            f"{name} is not among the installed models.", hint="gptoss models ls shows them"
        )


def shelf() -> Shelf:
    """Read the environment. Nothing is read from the disk yet."""
    settings = hub_settings(os.environ, os.path.expanduser("~"))  # noqa: PTH111  never raises
    cache = CacheFolder(settings.cache_folder, symlinks=settings.symlinks)
    library = Library(user_paths().data)
    registry = Registry(cache, library, endpoint=settings.endpoint)
    return Shelf(settings, cache, library, registry)
