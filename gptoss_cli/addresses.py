"""Addresses of the web, as people type them and may see them. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def without_login(address: str) -> str:
    """Return `address` for people: without the name and password that may stand in it.

    They end with the last @ before the path. Where a password has characters that make the address
    none, nobody can say where the path begins: then it is the last @ of all.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return address
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    end = len(host) if is_address(address) else len(rest)
    return scheme + mark + rest[rest.rfind("@", 0, end) + 1 :]


def is_address(text: str) -> bool:
    """Return whether `text` is an address of the web: http or https, a host, a port that can be."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
