"""What the hub has of a model that is here: its digests, and what is damaged or missing of it."""

from __future__ import annotations

from collections.abc import Collection

from gptoss_cli.errors import DownloadError
from gptoss_cli.models.cache.contents import CachedModel
from gptoss_cli.models.cache.folder import CacheFolder
from gptoss_cli.models.choice import Undecided
from gptoss_cli.models.hub.repositories import repository
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.pull import Plan, plan, replacing
from gptoss_cli.models.settings import HubSettings


def hub_digests(model: CachedModel, settings: HubSettings) -> dict[str, str]:
    """Return the sha256 that the hub has of each large file of the commit of `model`.

    Raises DownloadError when the hub cannot be asked.
    """
    found = repository(HubModel(model.repo_id, revision=model.commit), settings)
    return {file.path: file.sha256 for file in found.files if file.sha256}


def plan_repair(
    model: CachedModel, damaged: Collection[str], settings: HubSettings, cache: CacheFolder
) -> Plan:
    """Return the pull, at the commit that is here, of what `model` lacks and of `damaged` files.

    Those (paths in the repository) stay as they are until what replaces them is whole and checked.

    Raises DownloadError when the hub has this commit no more or cannot be asked.
    """
    wanted = HubModel(model.repo_id, revision=model.commit, file=model.first_file)
    found = plan(wanted, settings, cache)
    if isinstance(found, Undecided):
        raise DownloadError(
            f"the hub has {model.name} of this revision no more.",
            hint=f"gptoss models rm {model.repo_id}@{model.commit[:12]}, then gptoss pull",
        )
    return replacing(found, damaged, cache)
