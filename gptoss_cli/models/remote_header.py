"""The headers of a model that is not here, by ranges of its files: nothing is downloaded.

A header of gpt-oss takes 13 MB, for the vocabulary stands in it; those of later parts are small.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gptoss_cli.errors import DownloadError
from gptoss_cli.models.choice import WeightSet
from gptoss_cli.models.gguf import GgufHeader, parse_header
from gptoss_cli.models.hub.errors import refusals_explained
from gptoss_cli.models.hub.repositories import Repository, remote_file
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.settings import HubSettings
from gptoss_cli.models.transfer.fetch import DEFAULT_POLICY, Policy
from gptoss_cli.models.transfer.remote import Remote, RemoteFile, TransientError, duration

_FIRST_BYTES: Final = 16 << 20
_PART_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderListener:
    """Who is told while headers are read.

    ``report``: the bytes of a header that are here, and how many are wanted. ``notify``: a sentence
    about what takes long.
    """

    report: Callable[[int, int], None] = lambda _done_bytes, _size_bytes: None
    notify: Callable[[str], None] = lambda _sentence: None


def read_remote_headers(
    model: HubModel,
    found: Repository,
    weights: WeightSet,
    settings: HubSettings,
    *,
    headers: Mapping[str, str],
    policy: Policy = DEFAULT_POLICY,
    listener: HeaderListener | None = None,
) -> list[GgufHeader]:
    """Return the headers of all parts of `weights`, which are the `model` in what was `found`.

    Their paths are names in the repository.

    Raises ModelFileError for what is no usable GGUF, DownloadError when it cannot be read.
    """
    listener = listener or HeaderListener()
    result: list[GgufHeader] = []
    with refusals_explained(model, settings, headers):
        for number, file in enumerate(weights.files):
            remote = remote_file(found, file, settings)
            first = _PART_BYTES if number else _FIRST_BYTES
            result.append(_read(remote, Path(file.path), first, headers, policy, listener))
    return result


def _read(
    file: RemoteFile,
    path: Path,
    first_bytes: int,
    headers: Mapping[str, str],
    policy: Policy,
    listener: HeaderListener,
) -> GgufHeader:
    remote = Remote(file, headers=headers, timeouts=policy.timeouts)
    try:
        beginning, wanted_bytes = b"", min(first_bytes, file.size_bytes)
        while True:
            beginning += _range(remote, len(beginning), wanted_bytes, policy, listener)
            header = parse_header(path, beginning, file.size_bytes)
            if header is not None:
                return header
            wanted_bytes = min(4 * wanted_bytes, file.size_bytes)
    finally:
        remote.close()


def _range(remote: Remote, start: int, end: int, policy: Policy, listener: HeaderListener) -> bytes:
    """Return the bytes `start` to `end` (not included); what may pass is asked for again."""
    for attempt in range(1, policy.attempts + 1):
        try:
            with remote.open(start, end) as body:
                received = bytearray()
                for piece in body:
                    received += piece
                    listener.report(min(body.start + len(received), end), end)
                    if body.start + len(received) >= end:
                        break  # a server without ranges sends the whole file
                return bytes(received[start - body.start : end - body.start])
        except TransientError as error:
            asked_s = error.retry_after_s or 0.0
            if attempt == policy.attempts or asked_s > policy.longest_retry_after_s:
                raise DownloadError(
                    f"the header of {remote.file.url.rpartition('/')[2]} cannot be read: {error}.",
                    hint=f"again in {duration(asked_s)}" if asked_s else "try again later",
                ) from error
            backoff_s = min(policy.longest_backoff_s, policy.backoff_s * 2 ** (attempt - 1))
            wait_s = max(asked_s, backoff_s)
            if wait_s >= 1:
                listener.notify(f"{error}; trying again in {wait_s:.0f} s")
            time.sleep(wait_s)
    raise AssertionError  # the last attempt returns or raises
