"""``gptoss run``: one answer."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from gptoss_cli.cli import options
from gptoss_cli.cli.argv import Invocation
from gptoss_cli.errors import ExitCode, GptossError, UsageError

if TYPE_CHECKING:
    from gptoss_cli.events import Finished


@options.takes_settings
def run(
    settings: options.Settings,
    ctx: typer.Context,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROMPT]...", help="The question; piped text goes after it."),
    ] = None,
) -> options.Task:
    """Answer once: the answer on standard output, everything else on standard error."""
    from gptoss_cli.cli import prompt as prompts

    invocation: Invocation = ctx.obj
    if invocation.implied and prompt and prompt[0] in invocation.commands:
        raise UsageError(
            f"the command comes before the options: {prompt[0]}.",
            hint=f"gptoss {prompt[0]} and then the options; gptoss run for a prompt like this",
        )
    if invocation.implied and not prompt and prompts.is_at_a_terminal():
        from gptoss_cli.cli.chat import converse

        return lambda: converse(settings)
    return lambda: answer(settings, prompts.compose(prompt or []))


def answer(settings: options.Settings, prompt: str) -> int:
    """Answer `prompt` and return the exit code."""
    from gptoss_cli.chat.interrupt import stopping
    from gptoss_cli.cli.wiring import environment, renderer, start
    from gptoss_cli.engine.base import Cancel
    from gptoss_cli.events import FinalDelta, Finished
    from gptoss_cli.ui.say import say

    screen = environment()
    cancel = Cancel()
    answered, finished = False, None
    with contextlib.closing(start(settings, lasting=False)) as running:
        for note in running.notes:
            say(note)
        prepared = running.chat.prepare(prompt)
        with stopping(cancel), renderer(settings, screen) as shown:
            for event in running.chat.answer(prepared, cancel):
                shown.feed(event)
                answered |= isinstance(event, FinalDelta)
                if isinstance(event, Finished):
                    finished = event
    return _exit_code(finished, answered=answered)


def _exit_code(finished: Finished | None, *, answered: bool) -> int:
    from gptoss_cli.events import FinishReason

    if finished is None or finished.reason is FinishReason.CANCELLED:
        return ExitCode.INTERRUPTED
    if finished.reason is FinishReason.LENGTH:
        return ExitCode.CUT_OFF
    if finished.reason is FinishReason.TOOL_CALLS:
        raise GptossError(
            "the model called a tool instead of answering, and gptoss runs none yet.",
            hint="ask again, or in other words",
        )
    if not answered:
        raise GptossError("the model ended without an answer.", hint="ask again")
    return ExitCode.OK
