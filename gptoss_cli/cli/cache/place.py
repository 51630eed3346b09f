"""Where what was computed of prompts is kept, for the commands about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gptoss_cli.engine.kv_store import KVStore


def kept_states() -> KVStore:
    """Return the folder of this user, to look and to remove: nothing may be added."""
    from gptoss_cli.config.paths import user_paths
    from gptoss_cli.engine.kv_store import KVStore

    return KVStore(user_paths().kv_states, 0)
