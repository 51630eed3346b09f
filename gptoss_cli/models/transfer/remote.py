"""One remote file, read by ranges over HTTP: the home of httpx2 and httpcore2.

The token goes to the origin (scheme, host and port) of the file's own address and nowhere else: a
redirect to storage is followed without it, and plain HTTP is refused unless the address itself is
plain. The hub's answers name the content (X-Linked-Etag, X-Linked-Size); if they stop agreeing with
what the file was said to be, that is an error of its own. Other ETags are not compared: they name
copies, and differ between machines that serve the same bytes.

Texts of a server are never repeated in a message; numbers and the hub's error codes are.
"""

from __future__ import annotations

import contextlib
import email.utils
import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpcore2
import httpx2

from gptoss_cli.errors import DownloadError, RefusedError, RemoteChangedError

_MOST_REDIRECTS: Final = 10
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_RETRIED: Final = frozenset({408, 425, 429})
_EXPIRED: Final = frozenset({400, 401, 403, 404, 410})
_PORTS: Final = {"http": 80, "https": 443}
_CONTENT_RANGE: Final = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")
_RATE_LIMIT: Final = re.compile(r";\s*r=0\s*;\s*t=(\d{1,6})\b")
_SMALL_BODY: Final = 64 << 10

# httpcore2 takes 64 KiB at a time from the socket. Each time costs a round through h11 and, with
# several connections, a fight for the interpreter's lock: four times as much at once is a third
# less CPU for the whole download.
httpcore2.HTTP11Connection.READ_NUM_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the hub: its resolve address, and what the hub says its bytes are.

    ``etag`` is without quotes: the sha256 for a large file, git's blob id for a small one, for
    which ``sha256`` is None.
    """

    url: str
    size_bytes: int
    etag: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a connection may take to stand, and how long it may then be silent."""

    connect_s: float = 15.0
    read_s: float = 30.0


class TransientError(Exception):
    """A failure that may pass by itself; the server may have said after how many seconds."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Body:
    """The bytes from `start` on that one response brings; iterate over it once.

    ``ranged`` is False when the server sends the whole file whatever is asked.
    """

    def __init__(self, response: httpx2.Response, start: int, end: int, *, ranged: bool) -> None:
        self.start = start
        self.ranged = ranged
        self._response = response
        self._left_bytes = end - start

    def __iter__(self) -> Iterator[bytes]:
        """Yield pieces, never more than was asked for.

        Raises TransientError when the connection breaks, and when the server sends less or more
        than it should; what was yielded before is as good as anything else.
        """
        with _network_errors():
            for piece in self._response.iter_raw():
                if len(piece) > self._left_bytes:
                    if self._left_bytes:
                        yield piece[: self._left_bytes]
                    raise TransientError("the server sends more than it was asked for")
                self._left_bytes -= len(piece)
                yield piece
        if self._left_bytes:
            raise TransientError("the server sent less than it was asked for")


class Remote:
    """Opens ranges of one remote file, from any thread; close it in the end."""

    def __init__(self, file: RemoteFile, *, headers: Mapping[str, str], timeouts: Timeouts) -> None:
        """Send `headers` (the token among them) to the file's own origin only."""
        self.file = file
        self._headers = {name.lower(): value for name, value in headers.items()}
        self._origin = _origin(file.url)
        self._location: str | None = None
        self._streams: list[Any] = []
        self._aborted = threading.Event()
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(timeouts.read_s, connect=timeouts.connect_s),
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def abort(self) -> None:
        """Make every read that waits in some thread fail now, and all later ones."""
        self._aborted.set()
        for stream in list(self._streams):
            connection = stream.get_extra_info("socket")
            if isinstance(connection, socket.socket):
                with contextlib.suppress(OSError):
                    # Of the plain socket: the one of TLS would want to say good-bye first.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    @contextlib.contextmanager
    def open(self, start: int, end: int) -> Iterator[Body]:
        """Yield the bytes from `start` up to `end`, or the whole file where ranges are not served.

        Raises TransientError for what may pass, RefusedError for 401, 403 and 404 of the hub,
        RemoteChangedError when the file is another one, DownloadError for redirects that lead
        nowhere or away from https.
        """
        with contextlib.ExitStack() as opened:
            try:
                response = self._request(start, end)
                opened.callback(response.close)
                self._check_status(response, start)
                yield self._body(response, start, end)
            except TransientError:
                # The next try asks the hub again: an address may be stale, a machine behind it ill.
                self._location = None
                raise

    def _request(self, start: int, end: int) -> httpx2.Response:
        url = self._location or self.file.url
        for _ in range(_MOST_REDIRECTS + 1):
            self._require_scheme(url)
            if self._aborted.is_set():
                raise TransientError("stopped")
            with _network_errors():
                request = self._client.build_request(
                    "GET",
                    url,
                    headers=self._headers_for(url, start, end),
                    extensions={"trace": self._trace},
                )
                response = self._client.send(request, stream=True)
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTS or not location:
                return response
            self._follow(response)
            try:
                url = urljoin(url, location)
            except ValueError as error:
                raise _no_address() from error
        raise DownloadError(
            f"{self._host} redirects in circles.", hint="check HF_ENDPOINT and the proxy"
        )

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        # Kept so that abort() can reach connections that still wait for their first byte.
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._streams.append(info["return_value"])
            if self._aborted.is_set():
                self.abort()

    def _follow(self, response: httpx2.Response) -> None:
        """Check what a redirect of the hub says of the file, and keep its connection usable."""
        try:
            if self._is_hub(response):
                self._check_identity(response.headers)
            with _network_errors():
                if 0 <= _number(response.headers.get("content-length")) <= _SMALL_BODY:
                    response.read()
        finally:
            response.close()

    def _headers_for(self, url: str, start: int, end: int) -> dict[str, str]:
        headers = {"user-agent": self._headers.get("user-agent", "gptoss")}
        if _origin(url) == self._origin:
            headers |= self._headers
        # Compressed, offsets would mean nothing.
        headers |= {"accept-encoding": "identity"}
        if (start, end) != (0, self.file.size_bytes):
            headers |= {"range": f"bytes={start}-{end - 1}"}
        return headers

    def _require_scheme(self, url: str) -> None:
        scheme, _, port = _origin(url)
        if port < 0:
            raise _no_address()
        if scheme != "https" and not (scheme == "http" and self._origin[0] == "http"):
            raise DownloadError(
                f"{self._host} redirects to an address without https; that is not followed.",
                hint="check HF_ENDPOINT and the proxy",
            )

    @property
    def _host(self) -> str:
        return self._origin[1] or "the hub"

    def _is_hub(self, response: httpx2.Response) -> bool:
        return _origin(str(response.request.url)) == self._origin

    def _check_status(self, response: httpx2.Response, start: int) -> None:
        status = response.status_code
        if status in (200, 206):
            if self._is_hub(response):
                self._check_identity(response.headers)
            else:
                self._location = str(response.request.url)
            return
        after_s = retry_after_s(response.headers, now_s=time.time())
        if status in _RETRIED or status >= 500:
            raise TransientError(f"the server answers {status}", retry_after_s=after_s)
        if not self._is_hub(response) and status in _EXPIRED:
            # Signed addresses of the storage live for an hour or so; the hub gives a new one.
            raise TransientError(f"the storage answers {status}")
        if status == 416:
            self._check_total(response.headers.get("content-range", ""))
            raise TransientError(f"the server has nothing from byte {start} on")
        code = response.headers.get("x-error-code", "")
        raise RefusedError(
            f"{self._host} answers {status}.",
            status=status,
            code=code if re.fullmatch("[A-Za-z]{1,40}", code) else "",
        )

    def _check_identity(self, headers: Mapping[str, str]) -> None:
        etag, size = headers.get("x-linked-etag"), headers.get("x-linked-size")
        if etag is not None and bare_etag(etag) != self.file.etag:
            raise _changed()
        if size is not None and _number(size) != self.file.size_bytes:
            raise _changed()

    def _check_total(self, content_range: str) -> None:
        match = _CONTENT_RANGE.fullmatch(content_range.strip())
        if match and match[3] != "*" and int(match[3]) != self.file.size_bytes:
            raise _changed()

    def _body(self, response: httpx2.Response, start: int, end: int) -> Body:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise TransientError("the server compresses what it was asked to send as it is")
        length = response.headers.get("content-length")
        if response.status_code == 200:
            size = self.file.size_bytes
            whole = (start, end) == (0, size)
            if length is None and not whole:
                # A page of a proxy as likely as the file: too little to begin anew for.
                raise TransientError("the server does not send the range it was asked for")
            if length is not None and _number(length) != size:
                raise TransientError(f"the server has {_number(length):,} bytes, not {size:,}")
            return Body(response, 0, size, ranged=whole)
        self._check_total(response.headers.get("content-range", ""))
        match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", "").strip())
        if not match or match[1] is None or int(match[1]) != start:
            raise TransientError("the server sends another range than it was asked for")
        return Body(response, start, end, ranged=True)


def bare_etag(etag: str) -> str:
    """Return an ETag without quotes and the mark of a weak one."""
    return etag.strip().removeprefix("W/").strip('"')


def retry_after_s(headers: Mapping[str, str], *, now_s: float) -> float | None:
    """Return how many seconds the server asks to wait, at `now_s` since the epoch.

    Retry-After holds seconds or a date (RFC 9110, 10.2.3); without one, the hub's `ratelimit`
    header says when a used-up quota is given again.
    """
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value[:9])
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now_s)
    match = _RATE_LIMIT.search(headers.get("ratelimit", ""))
    return float(match[1]) if match else None


def duration(wait_s: float) -> str:
    """Return how long a server asks to wait, for people: seconds up to two minutes."""
    return f"{wait_s:.0f} seconds" if wait_s <= 120 else f"{wait_s / 60:,.0f} minutes"


def _origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port; the port is -1 if `url` has one that cannot be."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    try:
        port = parts.port
    except ValueError:
        port = -1
    return scheme, (parts.hostname or "").lower(), port or _PORTS.get(scheme, 0)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) <= 18 else -1


def _changed() -> RemoteChangedError:
    return RemoteChangedError("the file on the hub has changed meanwhile.")


def _no_address() -> DownloadError:
    return DownloadError(
        "the hub redirects to an address that is none.", hint="check HF_ENDPOINT and the proxy"
    )


@contextlib.contextmanager
def _network_errors() -> Iterator[None]:
    """Translate httpx2's errors into TransientError, and wrong addresses into DownloadError."""
    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise _no_address() from error
    except httpx2.ConnectTimeout as error:
        raise TransientError("no connection within the time") from error
    except httpx2.TimeoutException as error:
        raise TransientError("no data for a while") from error
    except httpx2.ConnectError as error:
        raise TransientError("no connection") from error
    except httpx2.HTTPError as error:
        raise TransientError("the connection broke") from error
