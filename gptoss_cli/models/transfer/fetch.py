"""One remote file to one blob: by ranges, over several connections, resumed, checked, then named.

The calling thread supervises: it starts connections, reports progress and feels Ctrl-C. Each
connection takes the next gap of the file, a few chunks at a time, so that all of them work near
each other. One more thread hashes the file from its beginning, right behind them, out of the page
cache: when the last byte comes, the digest is known. Bytes of an earlier run pass through the same
hand: those the disk has lost or changed are found by their CRC-32 and fetched again, they alone.
How what arrived is kept is told in ``models.transfer.partial``.

If the digest is wrong in the end, the disk is compared with the CRC-32 of what came. Where it
differs, that is fetched again; if it does not differ, wrong bytes were sent, and everything is
fetched once more. The second time it is an error, and the bytes are removed.
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import filelock

from gptoss_cli.errors import ChecksumError, DownloadCancelledError, DownloadError
from gptoss_cli.models.transfer.gaps import Gap, Gaps
from gptoss_cli.models.transfer.journal import NO_PURPOSE, Purpose
from gptoss_cli.models.transfer.partial import CHUNK_BYTES, Partial, discard, disk_errors
from gptoss_cli.models.transfer.proof import Digest, Prover, StoppedError
from gptoss_cli.models.transfer.remote import (
    Body,
    Remote,
    RemoteFile,
    Timeouts,
    TransientError,
    duration,
)

_POLL_S: Final = 0.1
_LEAVE_S: Final = 2.0
_RANGELESS_ANSWERS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How hard to try.

    ``chunk_bytes`` is what an interruption may cost. After ``attempts`` failures in a row without
    any progress a download is given up; between them a connection waits ``backoff_s``, twice as
    long each time up to ``longest_backoff_s``, or as long as the server says, if that is not more
    than ``longest_retry_after_s``.
    """

    connections: int = 4
    chunk_bytes: int = CHUNK_BYTES
    attempts: int = 8
    backoff_s: float = 0.5
    longest_backoff_s: float = 30.0
    longest_retry_after_s: float = 300.0
    timeouts: Timeouts = field(default_factory=Timeouts)

    @property
    def record_bytes(self) -> int:
        """How much one connection may have fetched that is in no line of the journal."""
        return max(1, self.chunk_bytes // (4 * self.connections))


DEFAULT_POLICY: Final = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told about a download; all are called on the calling thread.

    ``report``: the bytes that are there and the size, about ten times a second; what is there can
    become less, when part of it was no good. ``notify``: a sentence about what takes long or went
    wrong. ``cancelled``: whether to stop.
    """

    report: Callable[[int, int], None] = lambda _done_bytes, _size_bytes: None
    notify: Callable[[str], None] = lambda _sentence: None
    cancelled: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raise DownloadCancelledError if somebody asked to stop."""
        if self.cancelled():
            raise DownloadCancelledError("the download was stopped.")


def fetch(
    remote: RemoteFile,
    blob: Path,
    *,
    lock: Path,
    headers: Mapping[str, str],
    policy: Policy = DEFAULT_POLICY,
    listener: Listener | None = None,
    purpose: Purpose = NO_PURPOSE,
    is_elsewhere: Callable[[], bool] = lambda: False,
) -> int:
    """Make `blob` the file `remote`, checked; return how many bytes came over the network.

    `lock` is the file that huggingface_hub locks for this blob: while somebody else has it, this
    waits, and then finds the blob there, or `is_elsewhere` says that it was moved to where it is
    used. What it is fetched for, `purpose`, is written into the journal; a file that this one
    ``replaces`` stays until this one is whole. `headers` (the token among them) are sent to the
    hub only.

    Raises the DownloadErrors of ``errors``. All but ChecksumError leave what came for the next
    call, and so does Ctrl-C.
    """
    listener = listener or Listener()
    digest = Digest(remote)
    with _exclusively(lock, listener):
        is_there = not purpose.replaces and _is_there(blob, remote.size_bytes)
        if is_there or is_elsewhere():
            discard(blob)
            listener.report(remote.size_bytes, remote.size_bytes)
            return 0
        with contextlib.ExitStack() as opened:
            transfer = _Transfer(remote, blob, headers, policy, digest, purpose, opened)
            return transfer.run(listener)


@contextlib.contextmanager
def _exclusively(path: Path, listener: Listener) -> Iterator[None]:
    """Hold the lock `path`; say so if that means waiting."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path, mode=0o664)  # as huggingface_hub makes it
    if not _acquired(lock, path, wait_s=0):
        listener.notify("another program is downloading this file; waiting for it")
        while not _acquired(lock, path, wait_s=_POLL_S):
            listener.check()
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: filelock.BaseFileLock, path: Path, *, wait_s: float) -> bool:
    with disk_errors(path):
        try:
            lock.acquire(timeout=wait_s)
        except filelock.Timeout:  # which is an OSError, too
            return False
    return True


def _is_there(blob: Path, size_bytes: int) -> bool:
    try:
        return blob.is_file() and blob.stat().st_size == size_bytes
    except OSError:
        return False


class _Transfer:
    """One download and its threads."""

    def __init__(
        self,
        remote: RemoteFile,
        blob: Path,
        headers: Mapping[str, str],
        policy: Policy,
        digest: Digest,
        purpose: Purpose,
        opened: contextlib.ExitStack,
    ) -> None:
        """Leave what is to be closed in the end to `opened`."""
        self._policy = policy
        self._digest = digest
        self._news = threading.Event()  # the supervisor should look
        self._stop = threading.Event()
        self._notices: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[str | BaseException] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._connections = 0
        self._ranged = False  # a range was asked for, and came
        self._rangeless = 0  # answers in a row without one
        self._not_before_s = 0.0
        self._told_of_damage = False
        arrived = threading.Event()
        self._partial = Partial(
            blob,
            size_bytes=remote.size_bytes,
            etag=remote.etag,
            purpose=purpose,
            sync_bytes=policy.chunk_bytes // 2,
            on_record=arrived.set,
        )
        opened.callback(self._partial.close)
        self._gaps = Gaps(
            self._partial, connections=policy.connections, chunk_bytes=policy.chunk_bytes
        )
        self._prover = Prover(
            self._partial,
            self._gaps,
            digest,
            arrived=arrived,
            stop=self._stop,
            on_damage=self._tell_of_damage,
        )
        self._remote = Remote(remote, headers=headers, timeouts=policy.timeouts)
        opened.callback(self._remote.close)
        opened.callback(self._leave)

    # The calling thread

    def run(self, listener: Listener) -> int:
        """Fetch, check and name the file; return the bytes received."""
        found = self._supervise(listener)
        if found != self._digest.expected:
            listener.notify("the digest is wrong; looking for the part that is")
            self._partial.distrust()
            found = self._supervise(listener)
        if found != self._digest.expected:
            listener.notify("wrong bytes were sent; fetching everything once more")
            self._gaps.begin_anew()
            self._gaps.best_bytes = 0
            found = self._supervise(listener)
        if found != self._digest.expected:
            self._partial.close()
            discard(self._partial.blob)
            raise ChecksumError(
                "twice, what was sent is not the file that the hub has a digest of; "
                "it was removed.",
                hint="try again later, or from another network",
            )
        self._leave()  # nobody writes any more
        self._partial.finish()
        return self._gaps.received_bytes

    def _supervise(self, listener: Listener) -> str:
        """Fetch what is missing and return the digest of the whole."""
        size_bytes = self._gaps.size_bytes
        self._gaps.refill()
        self._start(lambda: self._results.put(self._prover.prove()), "prover")
        complete_s = time.monotonic()
        while True:
            listener.report(self._gaps.done_bytes, size_bytes)
            self._start_connections()
            self._news.wait(_POLL_S)
            self._news.clear()
            while not self._notices.empty():
                listener.notify(self._notices.get())
            if not self._results.empty():
                result = self._results.get()
                if isinstance(result, BaseException):
                    raise result
                listener.report(self._gaps.done_bytes, size_bytes)
                return result
            listener.check()
            if self._gaps.done_bytes < size_bytes:
                complete_s = time.monotonic()
            elif time.monotonic() - complete_s > 1:
                listener.notify("checking the file")
                complete_s = float("inf")

    def _start(self, work: Callable[[], None], name: str) -> None:
        def run() -> None:
            try:
                work()
            except StoppedError:
                pass
            except BaseException as error:  # noqa: BLE001  raised again by the supervisor
                if not self._stop.is_set():
                    self._results.put(error)
                    self._stop.set()
            finally:
                self._news.set()

        thread = threading.Thread(target=run, name=f"download {name}", daemon=True)
        thread.start()
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]

    def _start_connections(self) -> None:
        """Start as many as there is work for; one, until a range has come."""
        with self._lock:
            most = self._policy.connections if self._ranged else 1
            wanted = max(0, min(most - self._connections, self._gaps.takers()))
            self._connections += wanted
        for _ in range(wanted):
            self._start(self._connect, "connection")

    def _leave(self) -> None:
        """End all threads. One that hangs in the system is left behind: it can do no harm."""
        self._stop.set()
        if any(thread.is_alive() for thread in self._threads):
            self._remote.abort()
        until_s = time.monotonic() + _LEAVE_S
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))

    def _tell(self, sentence: str) -> None:
        self._notices.put(sentence)
        self._news.set()

    def _tell_of_damage(self) -> None:
        if not self._told_of_damage:
            self._told_of_damage = True
            self._tell("part of what is on the disk is damaged; fetching that part again")

    # A connection

    def _connect(self) -> None:
        """Fetch gap after gap until none is left."""
        failures, best_bytes = 0, -1
        try:
            while (gap := self._take()) is not None:
                try:
                    self._fetch(gap)
                except TransientError as error:
                    if self._gaps.best_bytes > best_bytes:
                        failures, best_bytes = 0, self._gaps.best_bytes
                    failures += 1
                    self._back_off(failures, error)
        finally:
            with self._lock:
                self._connections -= 1

    def _take(self) -> Gap | None:
        while (wait_s := self._not_before_s - time.monotonic()) > 0:
            self._sleep(wait_s)
        return None if self._stop.is_set() else self._gaps.take()

    def _fetch(self, gap: Gap) -> None:
        try:
            with self._remote.open(gap.start, gap.end) as body:
                if body.ranged:
                    self._rangeless = 0
                else:
                    gap = self._begin_anew(gap)
                self._ranged = body.ranged
                self._news.set()
                self._write(body, gap)
        finally:
            self._gaps.put_back(gap)

    def _begin_anew(self, gap: Gap) -> Gap:
        """Return the whole file in place of `gap`, for a server that sends no ranges.

        All or nothing, so that nobody else needs to fetch anything. What is there is worth asking
        a few times more: one machine of many may be the one that knows no ranges.
        """
        if self._gaps.done_bytes and self._rangeless < _RANGELESS_ANSWERS:
            self._rangeless += 1
            raise TransientError("the server sends the whole file, not the range it was asked for")
        whole = self._gaps.begin_anew(gap)
        if whole is None:
            raise StoppedError
        self._rangeless = _RANGELESS_ANSWERS  # known now: after a break it begins anew at once
        return whole

    def _write(self, body: Body, gap: Gap) -> None:
        with self._partial.writer(gap.start, self._policy.record_bytes) as writer:
            for piece in body:
                if self._stop.is_set() or not self._gaps.count(gap, len(piece)):
                    raise StoppedError
                writer.add(piece)
                gap.start += len(piece)

    def _back_off(self, failures: int, error: TransientError) -> None:
        """Wait before the next try, as long as the server asks; give up after too many."""
        policy = self._policy
        if self._stop.is_set():
            raise StoppedError
        if failures >= policy.attempts:
            raise DownloadError(f"{error}; given up after {failures} attempts.") from error
        longest_s = min(policy.longest_backoff_s, policy.backoff_s * 2 ** (failures - 1))
        # Spread, so that many clients do not come back at the same moment.
        wait_s = longest_s * random.uniform(0.5, 1.0)  # noqa: S311
        asked_s = error.retry_after_s
        if asked_s is not None:
            if asked_s > policy.longest_retry_after_s:
                raise DownloadError(
                    f"{error} and asks to wait for {duration(asked_s)}.",
                    hint="later, the same command goes on where this one stopped",
                ) from error
            wait_s = max(wait_s, asked_s)  # 0 seconds is no reason to hammer
            self._not_before_s = max(self._not_before_s, time.monotonic() + wait_s)
        if wait_s >= 1:
            self._tell(f"{error}; trying again in {wait_s:.0f} s")
        self._sleep(wait_s)

    def _sleep(self, wait_s: float) -> None:
        if self._stop.wait(wait_s):
            raise StoppedError
