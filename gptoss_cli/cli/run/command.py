"""``gptoss run``: one answer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Final

import typer

from gptoss_cli.cli import conversation, options
from gptoss_cli.cli.argv import Invocation
from gptoss_cli.cli.run.wanted import Shape, Wanted
from gptoss_cli.cli.templates.completion import template_names
from gptoss_cli.errors import UsageError

_LONGEST_S: Final = 10_000_000.0


def _number(value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise typer.BadParameter("it takes a number of seconds, not nan.")
    return value


@options.takes_settings
def run(
    settings: options.Settings,
    ctx: typer.Context,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROMPT]...",
            help="The question; piped text goes after it. A last - asks for standard input.",
        ),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(
            "--file",
            "-f",
            metavar="PATH|GLOB|URL|-",
            help="Send a document along; - is standard input. May be repeated.",
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="Put the question into a prompt of yours; gptoss templates lists them.",
            autocompletion=template_names,
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="Fill in a place of it."),
    ] = None,
    continues: conversation.Continues = False,
    session: conversation.Session = None,
    save: Annotated[
        bool | None,
        typer.Option(
            "--save/--no-save", help="Keep it as a conversation; by default at a terminal only."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the exact prompt and its size; load no model.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object: answer, thinking, figures.")
    ] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Each event as a line of JSON, as it happens.")
    ] = False,
    markdown: Annotated[
        bool | None,
        typer.Option("--markdown/--plain", help="Render it, or leave it as the model writes it."),
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|JSON|FIELDS",
            help='Answer by this JSON Schema; fields are like "name, age int, bio: a short one".',
        ),
    ] = None,
    schema_multi: Annotated[
        str | None,
        typer.Option(metavar="FILE|JSON|FIELDS", help="Answer with a list of such objects."),
    ] = None,
    choices: Annotated[
        list[str] | None, typer.Option(metavar="A,B,...", help="Answer with one of these words.")
    ] = None,
    regex: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="The answer matches it as a whole.")
    ] = None,
    grammar: Annotated[
        str | None, typer.Option(metavar="FILE", help="The answer follows this grammar (GBNF).")
    ] = None,
    extract: Annotated[
        str | None,
        typer.Option(metavar="code|json|LANGUAGE", help="Only the first code block of that kind."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="With --extract: every one.")] = False,
    newline: Annotated[
        bool, typer.Option("--newline/--no-newline", help="End the answer with a newline.")
    ] = True,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write it to FILE, whole or not at all."
        ),
    ] = None,
    execute: Annotated[
        bool,
        typer.Option("--execute", help="Propose a command for the shell, and run it if you agree."),
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.001,
            max=_LONGEST_S,
            callback=_number,
            help="Stop after so long, with exit code 124.",
        ),
    ] = None,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="An answer that is cut off is a success.")
    ] = False,
) -> options.Task:
    """Answer once: the answer on standard output, everything else on standard error."""
    invocation: Invocation = ctx.obj
    if invocation.implied and prompt and prompt[0] in invocation.commands:
        raise UsageError(
            f"the command comes before the options: {prompt[0]}.",
            hint=f"gptoss {prompt[0]} and then the options; gptoss run for a prompt like this",
        )
    named = conversation.session_named(continues=continues, session=session)
    if save is None and named is None and not settings.save:
        save = False
    wanted = Wanted(
        files=tuple(file or ()),
        session=named,
        saves=save,
        shape=Shape.JSONL if jsonl else Shape.JSON if json else Shape.TEXT,
        markdown=markdown,
        template=template,
        parameters=tuple(parameter or ()),
        schema=schema,
        schema_multi=schema_multi,
        choices=tuple(choice for several in choices or () for choice in several.split(",")),
        regex=regex,
        grammar=grammar,
        extract=extract,
        every=every,
        newline=newline,
        output=output,
        timeout_s=timeout,
        allow_truncated=allow_truncated,
        dry_run=dry_run,
        executes=execute,
    )
    if json and jsonl:
        raise UsageError("--json and --jsonl are two shapes of the answer.", hint="one of them")
    wanted.check()
    words = prompt or []
    if invocation.implied and not words and not wanted.asks and _is_at_a_terminal():
        from gptoss_cli.cli.chat import converse

        chatting = replace(settings, save=wanted.saves is not False)
        return lambda: converse(chatting, wanted.session)
    return lambda: _answer(settings, wanted, words)


def _is_at_a_terminal() -> bool:
    from gptoss_cli.cli.standard_input import is_at_a_terminal

    return is_at_a_terminal()


def _answer(settings: options.Settings, wanted: Wanted, words: list[str]) -> int:
    from gptoss_cli.cli.run.answering import answer

    return answer(settings, wanted, words)
