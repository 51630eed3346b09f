"""Addresses of the web, fetched; runs in a child process only, which is killed to stop it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx2

from gptoss_cli import __version__
from gptoss_cli.documents.contents import Contents
from gptoss_cli.documents.document import Kind
from gptoss_cli.documents.kinds import kind_of_type
from gptoss_cli.errors import DownloadError, UsageError

MOST_BYTES: Final = 20 << 20
"""How much one address may send."""

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CONNECT_S: Final = 15.0
_READ_S: Final = 30.0
_ACCEPT: Final = (
    "text/markdown, text/plain;q=0.9, text/html;q=0.9, application/pdf;q=0.8, */*;q=0.5"
)
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_SAID: Final = {
    400: "does not understand the address",
    401: "asks for a login",
    402: "asks for money",
    403: "refuses to show it",
    404: "has no such page",
    407: "is behind a proxy that asks for a login",
    410: "does not have it any more",
    429: "is asked too often from here",
    451: "may not show it, for legal reasons",
}


def fetched(address: str, name: str) -> Contents:
    """Return what `address` (http or https) sends; `name` is how it is called in errors.

    Raises DownloadError when it cannot be fetched, UsageError when it is no text or too large.
    """
    timeout = httpx2.Timeout(_READ_S, connect=_CONNECT_S)
    headers = {"user-agent": f"gptoss/{__version__}", "accept": _ACCEPT}
    try:
        with httpx2.Client(timeout=timeout, headers=headers, follow_redirects=False) as client:
            return _contents(client, address, name)
    except ImportError:  # SOCKS would need a library
        raise DownloadError(
            f"{name} cannot be reached: gptoss knows no such proxy.", hint="check ALL_PROXY"
        ) from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, ValueError, OverflowError):
        raise UsageError(f"{name} is no address of the web.", hint="https://HOST/PATH") from None
    except httpx2.TimeoutException:
        raise DownloadError(f"{name} does not answer.", hint="try again later") from None
    except httpx2.ProxyError:
        raise DownloadError(
            f"{name} cannot be reached: the proxy refuses.", hint="check HTTPS_PROXY"
        ) from None
    except httpx2.ConnectError as error:
        raise DownloadError(
            f"{name} cannot be reached.", hint=_connection_hint(str(error))
        ) from None
    except httpx2.HTTPError:
        raise DownloadError(f"the connection to {name} broke.", hint="try again later") from None


def _contents(client: httpx2.Client, address: str, name: str) -> Contents:
    for _ in range(_MOST_REDIRECTS + 1):
        with client.stream("GET", address) as response:
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTS or not location:
                return _body(response, name)
        address = _followed(address, location, name)
    raise DownloadError(
        f"{name} leads on to another address more than {_MOST_REDIRECTS} times.",
        hint="name the last address",
    )


def _followed(address: str, location: str, name: str) -> str:
    """Return where a redirect leads. Raises DownloadError where that is not the encrypted web."""
    try:
        target = urljoin(address, location)
        scheme = urlsplit(target).scheme
    except ValueError:
        scheme = ""
    if scheme != "https" and not (scheme == "http" and address[:5].lower() == "http:"):
        raise DownloadError(
            f"{name} leads to an address that is not followed: it is not https.",
            hint="open it in a browser, and save what it shows",
        )
    return target


def _body(response: httpx2.Response, name: str) -> Contents:
    status = response.status_code
    if status != 200:
        said = _SAID.get(status) or (
            "has an error of its own" if status >= 500 else "sends no page"
        )
        raise DownloadError(f"the server of {name} {said} ({status}).", hint=_status_hint(status))
    declared = response.headers.get("content-type", "")
    content_type = declared.partition(";")[0].strip().lower()
    kind = kind_of_type(content_type, name)
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length[:18]) > MOST_BYTES:
        raise _too_large(name)
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise _too_large(name)
    charset = _CHARSET.search(declared)
    if content_type == "text/plain":
        kind = Kind.TEXT  # the source of a page, for example
    return Contents(bytes(body), kind, charset[1] if charset else "")


def _too_large(name: str) -> UsageError:
    return UsageError(
        f"{name} sends more than {MOST_BYTES >> 20} MB.", hint="download it, and name the file"
    )


def _status_hint(status: int) -> str:
    if status in {401, 403, 402, 407, 451}:
        return "open it in a browser, and save what it shows"
    return "check the address" if status in {400, 404, 410} else "try again later"


def _connection_hint(reason: str) -> str:
    if "certificate" in reason.lower():
        return "its certificate is not valid"
    return "check the address, the network and HTTPS_PROXY"
