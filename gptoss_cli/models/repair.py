"""Damaged files of a model made to be fetched again, they alone."""

from __future__ import annotations

from collections.abc import Collection

from gptoss_cli.errors import DownloadError, GptossError
from gptoss_cli.models.cache.folder import CachedModel, CacheFolder
from gptoss_cli.models.choice import Undecided
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.pull import Plan, plan, replan
from gptoss_cli.models.settings import HubSettings


def plan_repair(
    model: CachedModel, damaged: Collection[str], settings: HubSettings, cache: CacheFolder
) -> Plan:
    """Remove the `damaged` files (paths in the repository) of `model`; return the pull for them.

    Nothing is removed before the hub has said that it still has this very commit.

    Raises DownloadError when it has not or cannot be asked, GptossError for what the disk refuses.
    """
    wanted = HubModel(model.repo_id, revision=model.commit, file=model.files[0].path)
    found = plan(wanted, settings, cache)
    if isinstance(found, Undecided):
        raise DownloadError(
            f"the hub has {model.name} of this revision no more.",
            hint=f"gptoss models rm {model.repo_id}@{model.commit[:12]}, then gptoss pull",
        )
    for file in model.files:
        if file.path in damaged:
            try:
                (file.blob or file.location).unlink(missing_ok=True)
            except OSError as error:
                raise GptossError(
                    f"{file.blob} cannot be removed: {error.strerror}.", hint="its permissions"
                ) from error
    return replan(found, cache)
