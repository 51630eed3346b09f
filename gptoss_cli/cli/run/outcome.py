"""What came of an answer: the exit code, and what is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gptoss_cli.cli.run.delivering import Content
from gptoss_cli.errors import ExitCode, GptossError, UnmetFormError
from gptoss_cli.events import FinishReason

if TYPE_CHECKING:
    from gptoss_cli.chat.interrupt import Interruption
    from gptoss_cli.cli.run.wanted import Wanted
    from gptoss_cli.structured.form import OutputForm
    from gptoss_cli.ui.records import AnswerRecord


def exit_code(record: AnswerRecord, wanted: Wanted, interruption: Interruption) -> int:
    """Return the exit code of the answer in `record`.

    Raises GptossError where it is none: a call of a tool, or nothing at all.
    """
    finished = record.finished
    if finished is None or finished.reason is FinishReason.CANCELLED:
        return interruption.exit_code
    if finished.reason is FinishReason.LENGTH:
        return ExitCode.OK if wanted.allow_truncated else ExitCode.CUT_OFF
    if finished.reason is FinishReason.TOOL_CALLS:
        raise GptossError(
            "the model called a tool instead of answering, and gptoss runs none yet.",
            hint="ask again, or in other words",
        )
    if not record.final and not wanted.forms:  # nothing at all may be what the form asks for
        raise GptossError("the model ended without an answer.", hint="ask again")
    return ExitCode.OK


def content(
    record: AnswerRecord, wanted: Wanted, form: OutputForm | None, code: int
) -> Content | None:
    """Return what is delivered of an answer that ended with `code`; None if it was stopped.

    Raises UnmetFormError when it is not of the form that was asked for.
    """
    if code not in {ExitCode.OK, ExitCode.CUT_OFF}:
        return None
    if wanted.extract is not None:
        from gptoss_cli.chat.extracting import extracted

        text = extracted(record.final, wanted.extract, every=wanted.every)
        return Content(text, {"extracted": text})
    if form is None:
        return Content(record.final, {})
    if record.finished is None or record.finished.reason is FinishReason.LENGTH:
        raise UnmetFormError(
            "the answer was cut off before it had its form.",
            hint="more --max-tokens, or a larger --context",
        )
    return Content(record.final, {"data": form.read(record.final)})
