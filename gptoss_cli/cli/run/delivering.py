"""Where the answer of a one-shot goes, and in which shape."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from gptoss_cli.cli.run.wanted import Shape, Wanted
from gptoss_cli.errors import GptossError, UsageError
from gptoss_cli.ui.area import Output
from gptoss_cli.ui.plain import WrittenAnswer
from gptoss_cli.ui.records import AnswerRecord, EventLines, json_text
from gptoss_cli.ui.terminal import Environment
from gptoss_cli.ui.theme import Paint

if TYPE_CHECKING:
    from gptoss_cli.events import Event
    from gptoss_cli.ui.renderer import Renderer

_STANDARD_OUTPUT: Final = "-"
# What is open already is reached by these names, also from /dev/stdout, which is a link.
_DESCRIPTOR: Final = re.compile(r"(?:/dev|/proc/(?:self|thread-self))/fd/(\d{1,9})")
_MOST_LINKS: Final = 40


@dataclass(frozen=True, slots=True)
class Content:
    """What is delivered of a whole answer: the text, and for programs the members it adds."""

    text: str
    members: Mapping[str, Any]


class Delivery:
    """Writes one answer to ``screen.stdout``: as it comes, or in the end.

    What is asked for whole (`is_whole`: code, JSON) is written when it is known to be good.
    """

    def __init__(self, wanted: Wanted, screen: Environment, *, is_whole: bool) -> None:
        self.record = AnswerRecord()
        self._wanted = wanted
        self._screen = screen
        self._is_whole = is_whole
        self._output = Output(screen.stdout)
        self._lines = EventLines(self._output) if wanted.shape is Shape.JSONL else None
        self._about: Mapping[str, Any] = {}
        self._has_begun = False

    def moved_to(self, screen: Environment) -> Delivery:
        """Return the delivery of the same answer to another place, from its beginning."""
        moved = Delivery(self._wanted, screen, is_whole=self._is_whole)
        moved.record = self.record
        return moved

    def renderer(self, *, show_thinking: bool | None, stats: bool) -> Renderer:
        """Return what shows a person the answer, unless that is written here, and all else."""
        from gptoss_cli.ui.renderer import make_renderer

        return make_renderer(
            self._screen,
            show_thinking=show_thinking,
            markdown=self._wanted.markdown,
            newline=self._wanted.newline,
            silent=self._is_whole or self._wanted.shape is not Shape.TEXT,
            stats=stats,
        )

    def start(self, about: Mapping[str, Any]) -> None:
        """Take what the answer is asked of; the first time counts."""
        if self._has_begun:
            return
        self._has_begun = True
        self._about = about  # more of it becomes known, as where it is kept
        if self._lines is not None:
            self._lines.start(about)

    def feed(self, event: Event) -> None:
        """Take `event`."""
        self.record.feed(event)
        if self._lines is not None:
            self._lines.feed(event)

    def end(self, exit_code: int, content: Content | None) -> None:
        """Write what was not written yet; no `content`: the answer is not what was asked for."""
        if self._wanted.shape is not Shape.TEXT:
            self._end_for_programs(exit_code, content, None)
        elif self._is_whole and content is not None:
            self._write_text(content.text)

    def fall_back(self, exit_code: int, about: Mapping[str, Any]) -> None:
        """Write what was said of a stopped answer, which its own place will not keep."""
        if self._wanted.shape is not Shape.TEXT:
            self.break_off(exit_code, about)
        elif not self._is_whole and self.record.final:
            self._write_text(self.record.final)

    def break_off(
        self, exit_code: int, about: Mapping[str, Any], error: GptossError | None = None
    ) -> None:
        """Tell programs that there is no answer, or no more of it; people are told elsewhere.

        `about` is what is known so far.
        """
        self.start(about)
        if self._wanted.shape is not Shape.TEXT:
            self._end_for_programs(exit_code, None, error)

    def _write_text(self, text: str) -> None:
        answer = WrittenAnswer(
            self._output, safe=self._screen.stdout_tty, newline=self._wanted.newline
        )
        answer.add(text if self._wanted.newline else text.rstrip("\n"))
        answer.end()

    def _end_for_programs(
        self, exit_code: int, content: Content | None, error: GptossError | None
    ) -> None:
        members = content.members if content is not None else None
        if self._lines is not None:
            self._lines.end(self.record.finished, exit_code=exit_code, error=error, extra=members)
            return
        whole = self.record.as_object(self._about, exit_code=exit_code, error=error, extra=members)
        self._output.write(json_text(whole) + ("\n" if self._wanted.newline else ""))


@contextlib.contextmanager
def going_to(path: str | None, screen: Environment) -> Iterator[tuple[Environment, Place]]:
    """Return `screen` with its standard output going to the file `path`, and that place; without a
    path, as it is.

    A file is written beside and gets its name when the place is ``keep``-ed; until then, and if it
    never is, what was there stays. Raises UsageError or GptossError when it cannot be written.
    """
    if path is None or path == _STANDARD_OUTPUT:
        yield screen, Place()
        return
    if not path:
        raise UsageError("-o names no file.", hint="-o FILE")
    with _opened(path) as (stream, place):
        to_file = replace(
            screen,
            stdout=stream,
            stdout_tty=False,
            stdout_paint=Paint.NONE,
            stdout_unicode=True,
            stdout_encoding="utf-8",
        )
        try:
            yield to_file, place
        except OSError as error:
            is_of_a_reader = isinstance(error, BrokenPipeError) and not place.is_draft
            if stream.closed or error.filename is not None or is_of_a_reader:
                raise
            raise _unwritable(path, error) from error


class Place:
    """Where an answer goes: standard output or a pipe, which need nothing in the end."""

    is_draft = False
    """Whether what is written there is lost unless it is kept."""

    def keep(self) -> None:
        """Let the file have what was written."""


class _File(Place):
    is_draft = True

    def __init__(self, path: str, draft: Path, target: Path, stream: TextIO) -> None:
        self._path, self._draft, self._target, self._stream = path, draft, target, stream

    def keep(self) -> None:
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            with contextlib.suppress(FileNotFoundError):
                self._draft.chmod(stat.S_IMODE(self._target.stat().st_mode))
            self._draft.replace(self._target)
        except OSError as error:
            raise _unwritable(self._path, error) from error


@contextlib.contextmanager
def _opened(path: str) -> Iterator[tuple[TextIO, Place]]:
    try:
        if (descriptor := _descriptor(path)) is not None:  # a file there is to be gone on with
            with open(os.dup(descriptor), "w", encoding="utf-8", newline="") as stream:  # noqa: PTH123
                yield stream, Place()
            return
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            raise UsageError(f"{path} is a folder.", hint="-o FILE")
        if not stat.S_ISREG(mode):  # a device or a pipe is written to, and stays what it is
            with Path(path).open("w", encoding="utf-8", newline="") as stream:
                yield stream, Place()
            return
        target = Path(os.path.realpath(path))  # what a link leads to, not the link
        if target.exists() and not os.access(target, os.W_OK):
            raise GptossError(f"{path} is read-only.", hint="-o ANOTHER_FILE")
        draft = target.parent / f".gptoss-{secrets.token_hex(6)}.tmp"
        stream = draft.open("x", encoding="utf-8", errors="backslashreplace", newline="")
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error
    try:
        with stream:
            yield stream, _File(path, draft, target, stream)
    finally:
        draft.unlink(missing_ok=True)


def _descriptor(path: str) -> int | None:
    """Return the descriptor that `path` is a name of, None if it is the name of a file."""
    for _ in range(_MOST_LINKS):
        # Of folders on the way, /dev/fd is the one that is a link.
        if found := _DESCRIPTOR.fullmatch(os.path.normpath(path)):
            return int(found[1])
        if not os.path.islink(path):  # noqa: PTH114
            break
        path = os.path.join(os.path.dirname(path), os.readlink(path))  # noqa: PTH115, PTH118, PTH120
    return None


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode  # noqa: PTH116  of what a link leads to, as it is named
    except FileNotFoundError:
        return stat.S_IFREG


def _unwritable(path: str, error: Exception) -> GptossError:
    why = getattr(error, "strerror", None) or type(error).__name__
    return GptossError(f"{path} cannot be written: {why}.", hint="-o ANOTHER_FILE")
