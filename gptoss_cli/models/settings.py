"""Where models come from and where they are kept, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gptoss_cli.addresses import is_address, without_login
from gptoss_cli.errors import UsageError
from gptoss_cli.models.names import DEFAULT_ENDPOINT


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """What the environment says about the hub (``config.hub`` reads it).

    ``cache_folder``: the Hugging Face cache, shared with every other program that uses the hub.
    ``endpoint``: address of the hub, without a slash at its end.
    ``token``: one given outright, else None; then the file at ``token_path``, where the hub's own
    tools leave the token of who is logged in, or nobody's when that is None too.
    ``offline``: nothing may be asked of the network.
    ``symlinks``: whether the cache may hold links; where it may not, files lie in the snapshots.
    """

    cache_folder: Path
    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = field(default=None, repr=False)
    token_path: Path | None = None
    offline: bool = False
    symlinks: bool = True

    def require_address(self) -> None:
        """Raise UsageError when the endpoint is none.

        To be called before ``models.hub`` is imported: huggingface_hub fails on it by then.
        """
        if not is_address(self.endpoint):
            raise UsageError(
                f"HF_ENDPOINT is no address: {self.shown_endpoint!r}.",
                hint=f"unset HF_ENDPOINT, or set it to one such as {DEFAULT_ENDPOINT}",
            )

    @property
    def login_hint(self) -> str:
        """What to do for another token: while HF_TOKEN is set, logging in changes nothing."""
        return "unset HF_TOKEN, or set it to another token" if self.token else "hf auth login"

    @property
    def shown_endpoint(self) -> str:
        """The address for people: without a password that may stand in it."""
        return without_login(self.endpoint)


def clean_token(text: str) -> str | None:
    """Return the token in `text` without the line ends that come with copying, or None."""
    return text.replace("\r", "").replace("\n", "").strip() or None
