"""What can go wrong with a response of the fake hub, and what was asked of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Where = Literal["hub", "storage"]
_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong with a response; what is left out stays as it should be.

    Offsets `cut_at` and `stall_at` count the bytes of this response's body, `flip_at` those of the
    file. `longer_by` and `shorter_by` change the body and what its headers say alike.
    """

    status: int | None = None
    error_code: str = ""
    error_message: str = ""
    retry_after: str | None = None
    cut_at: int | None = None
    stall_at: int | None = None
    flip_at: int | None = None
    longer_by: int = 0
    shorter_by: int = 0
    no_ranges: bool = False
    chunked: bool = False
    etag: str | None = None
    content_range: str | None = None
    redirect_to: str | None = None

    @property
    def spares_redirects(self) -> bool:
        """Whether only a response with a file in it can show this."""
        return self.status is None and self.redirect_to is None and self.etag is None


GATED = Fault(
    status=403,
    error_code="GatedRepo",
    error_message="Access to model is restricted and you are not in the authorized list.",
)
NO_REPOSITORY = Fault(status=404, error_code="RepoNotFound", error_message="Repository not found")
NO_REVISION = Fault(status=404, error_code="RevisionNotFound", error_message="Invalid rev id")
NO_ENTRY = Fault(status=404, error_code="EntryNotFound", error_message="Entry not found")
LOGGED_OUT = Fault(status=401, error_message="Invalid username or password.")
BAD_TOKEN = Fault(status=401, error_message="Invalid credentials in Authorization header")
LOOP = Fault(redirect_to="")
"""A redirect to the address that was asked for."""
FINE = Fault()


@dataclass
class Request:
    """What was asked of one of the two servers, and what was sent for it."""

    where: Where
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    status: int = 0
    sent_bytes: int = 0

    @property
    def range(self) -> tuple[int, int | None] | None:
        """First and last byte that were asked for."""
        match = _RANGE.match(self.headers.get("range", ""))
        return match and (int(match[1]), int(match[2]) if match[2] else None)
