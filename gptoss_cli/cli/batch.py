"""``gptoss batch``: many answers, the model loaded once."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gptoss_cli.cli import options
from gptoss_cli.errors import ExitCode, GptossError, UsageError

if TYPE_CHECKING:
    from gptoss_cli.chat.batch import Batch
    from gptoss_cli.chat.batch import Progress as Counts
    from gptoss_cli.cli.batch_output import Output
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.ui.batch_progress import BatchProgress

_MOST_PARALLEL: Final = 64


class Format(StrEnum):
    """What the lines of the input are."""

    AUTO = "auto"
    LINES = "lines"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be answered, and where the records go."""

    file: str | None
    output: str | None
    format: Format
    parallel: int | None
    resumes: bool
    allows_truncated: bool


@options.takes_settings
def batch(
    settings: options.Settings,
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="Lines or JSONL; - or nothing: standard input."),
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write the records there.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on behind the records that -o FILE has.")
    ] = False,
    input_format: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="auto|lines|jsonl",
            help="What a line is: a prompt, or a JSON object.",
        ),
    ] = Format.AUTO,
    parallel: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=_MOST_PARALLEL, help="Lines answered together (4)."),
    ] = None,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="Answers that are cut off are no failure.")
    ] = False,
) -> options.Task:
    """Answer every line of a file: JSONL on standard output, in the same order."""
    if resume and output is None:
        raise UsageError("--resume goes on with a file.", hint="gptoss batch FILE -o OUT --resume")
    job = Job(
        file=file,
        output=output,
        format=input_format,
        parallel=parallel,
        resumes=resume,
        allows_truncated=allow_truncated,
    )
    return lambda: answer_all(settings, job)


def answer_all(settings: options.Settings, job: Job) -> int:
    """Answer all lines of the input and return the exit code."""
    from gptoss_cli.chat.batch import Batch
    from gptoss_cli.chat.interrupt import Interruption
    from gptoss_cli.cli.batch_input import count_lines, open_lines
    from gptoss_cli.cli.batch_output import open_output
    from gptoss_cli.cli.batch_wiring import start_batch
    from gptoss_cli.cli.standard_input import is_at_a_terminal
    from gptoss_cli.cli.wiring import environment
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.ui.batch_progress import BatchProgress
    from gptoss_cli.ui.say import say

    settings = settings.seeded()
    is_json = None if job.format is Format.AUTO else job.format is Format.JSONL
    # What is typed as input is to be seen and edited, line by line.
    is_typed = job.file in {None, "-"} and is_at_a_terminal()
    screen = environment(live=not is_typed)
    cancel = Cancel()
    with contextlib.ExitStack() as open_things:
        interruption = open_things.enter_context(Interruption())
        source = open_lines(job.file, is_json=is_json)
        output = open_things.enter_context(
            contextlib.closing(open_output(job.output, resumes=job.resumes))
        )
        running = open_things.enter_context(contextlib.closing(start_batch(settings, job.parallel)))
        for note in running.notes:
            say(note)
        total = count_lines(job.file) if screen.stderr_tty else None
        whole = Batch(
            running.engine,
            source,
            running.settings,
            show_thinking=bool(settings.show_thinking),
            done=output.earlier.digests,
        )
        before = len(output.earlier.digests)
        with interruption.stopping(cancel), BatchProgress(screen, total, before=before) as progress:
            _write(whole, output, cancel, progress)
        if screen.stderr_tty or settings.stats:
            say(progress.text(whole.progress.lines, whole.progress.tokens))
        if cancel.is_set():  # said before the memory is given back, which takes a moment
            _tell_how_to_go_on(job)
            return interruption.exit_code
    return _exit_code(job, whole.progress, output)


def _write(whole: Batch, output: Output, cancel: Cancel, progress: BatchProgress) -> None:
    counts = whole.progress

    def show() -> None:
        progress.show(counts.lines, counts.tokens, counts.loaded)

    for record in whole.records(cancel, show):
        progress.before_record()
        output.write(record)


def _tell_how_to_go_on(job: Job) -> None:
    """Say that the batch is stopped, and how it goes on."""
    import shlex

    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import error

    hint = "with -o FILE, --resume goes on where it stopped"
    if job.output is not None and job.file not in {None, "-"}:
        words = [word for word in sys.argv[1:] if word != "--resume"]
        hint = shlex.join(["gptoss", *words, "--resume"])
    elif job.output is not None:
        hint = "the same command with --resume, and the same input"
    say(error("the batch is stopped; what is written is whole.", hint))


def _exit_code(job: Job, counts: Counts, output: Output) -> int:
    from gptoss_cli.ui.say import say
    from gptoss_cli.ui.status import error

    failed = counts.failed + output.earlier.failed
    cut_off = counts.cut_off + output.earlier.cut_off
    of = f"of {counts.lines:,} lines" if counts.lines != 1 else "of 1 line"
    if failed:
        raise GptossError(f"{failed:,} {of} failed.", hint="their records have an error")
    if cut_off and not job.allows_truncated:
        verb = "is" if cut_off == 1 else "are"
        say(error(f"{cut_off:,} {of} {verb} cut off.", "a larger --max-tokens or --context"))
        return ExitCode.CUT_OFF
    return ExitCode.OK
