"""A thread that owns what only one thread may touch, and streams what its jobs produce."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
# A wait without a limit cannot be interrupted by Ctrl-C on every platform.
_POLL_S: Final = 0.1
# Room for llama.cpp's own recursion; macOS gives other threads than the first only 512 KB.
_STACK_BYTES: Final = 16 << 20


class Stream(Generic[Item]):
    """What one job puts out, in order; an exception of the job is raised where it is read."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Item | _End] = queue.SimpleQueue()
        self.done = False

    def put(self, item: Item) -> None:
        """Called by the job."""
        self._items.put(item)

    def finish(self, error: BaseException | None) -> None:
        """Called by the worker, once."""
        self._items.put(_End(error))

    def drain(self) -> None:
        """Wait for the job's end; what it still produces and its errors are dropped."""
        while not self.done:
            self.done = isinstance(self._items.get(), _End)

    def drain_for(self, wait_s: float) -> bool:
        """Do so until nothing comes for `wait_s` seconds; return whether the end has come."""
        with contextlib.suppress(queue.Empty):
            while not self.done:
                self.done = isinstance(self._items.get(timeout=wait_s), _End)
        return self.done

    def poll(self, wait_s: float = _POLL_S) -> Iterator[Item]:
        """Yield the next item if it comes within a moment; raise the job's error if it failed."""
        try:
            item = self._items.get(timeout=wait_s)
        except queue.Empty:
            return
        if isinstance(item, _End):
            self.done = True
            if item.error is not None:
                raise item.error
        else:
            yield item

    def __iter__(self) -> Iterator[Item]:
        while not self.done:
            yield from self.poll()


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def run_elsewhere(name: str, function: Callable[[], Item]) -> Item:
    """Return what `function` returns, computed on a thread of its own.

    The calling thread stays awake for signals; if one raises, the computation is left behind.
    """
    worker = Worker(name)
    try:
        stream: Stream[Item] = worker.submit(lambda put: put(function()))
        (result,) = stream
    finally:
        worker.leave()
    return result


class Deferred(Generic[Item]):
    """What `function` returns or raises, computed meanwhile on a thread of its own."""

    def __init__(self, name: str, function: Callable[[], Item]) -> None:
        worker = Worker(name)
        self._stream: Stream[Item] = worker.submit(lambda put: put(function()))
        worker.leave()
        self._results: list[Item] = []

    def result(self) -> Item:
        """Return it, or raise what was raised; one thread at a time."""
        self._results.extend(self._stream)
        return self._results[0]


class Worker:
    """Runs jobs one after the other on its own thread."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        previous = threading.stack_size(_STACK_BYTES)
        try:
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()
        finally:
            threading.stack_size(previous)

    def submit(self, job: Callable[[Callable[[Item], None]], None]) -> Stream[Item]:
        """Queue `job`, which is called with a function to put items; return its stream."""
        stream: Stream[Item] = Stream()

        def run() -> None:
            try:
                job(stream.put)
            except BaseException as error:  # noqa: BLE001 - raised again where the stream is read
                stream.finish(error)
            else:
                stream.finish(None)

        self._jobs.put(run)
        return stream

    def close(self, last: Callable[[], None]) -> None:
        """Run `last` after all jobs and end the thread. A second call does nothing."""
        if self._thread.is_alive():
            self._jobs.put(last)
            self._jobs.put(None)
            self._thread.join()

    def leave(self) -> None:
        """End the thread after its jobs without waiting for them."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
