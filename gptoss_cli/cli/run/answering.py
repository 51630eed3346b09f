"""One answer, from the question to the exit code."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gptoss_cli.chat.interrupt import Halted, Interruption
from gptoss_cli.cli import conversation
from gptoss_cli.cli.run import outcome
from gptoss_cli.cli.run.asking import Question, compose, say_cost
from gptoss_cli.cli.run.delivering import Delivery, going_to
from gptoss_cli.cli.run.forming import form_of
from gptoss_cli.cli.run.wanted import Wanted
from gptoss_cli.cli.wiring import Running, environment, start
from gptoss_cli.engine.base import Cancel
from gptoss_cli.errors import CancelledError, ExitCode, GptossError
from gptoss_cli.ui import status
from gptoss_cli.ui.renderer import make_renderer
from gptoss_cli.ui.say import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gptoss_cli.chat.settings import ChatSettings
    from gptoss_cli.cli.options import Settings
    from gptoss_cli.cli.run.templating import Filling
    from gptoss_cli.sessions.store import SessionStore
    from gptoss_cli.structured.form import OutputForm
    from gptoss_cli.ui.terminal import Environment


def answer(settings: Settings, wanted: Wanted, arguments: Sequence[str]) -> int:
    """Answer what `arguments`, documents and standard input ask; return the exit code."""
    with Interruption(wanted.timeout_s) as interruption:
        one_shot = _OneShot(settings, wanted, interruption)
        try:
            interruption.begin_limit()
            code = one_shot.run(arguments)
        except (Halted, CancelledError):
            code = interruption.exit_code
            one_shot.break_off(code)
        except GptossError as error:
            # Where nothing can be written, standard error still says why there is no answer.
            with contextlib.suppress(OSError):
                one_shot.break_off(error.exit_code, error)
            raise
        if code == ExitCode.TIMEOUT and wanted.timeout_s is not None:
            say(f"stopped: the time limit of {wanted.timeout_s:g} s is over.")
    return code


class _OneShot:
    """One call of ``gptoss run``."""

    def __init__(self, settings: Settings, wanted: Wanted, interruption: Interruption) -> None:
        self._settings = settings
        self._wanted = wanted
        self._interruption = interruption
        self._template: Filling | None = None
        self._form: OutputForm | None = None
        self._screen = environment()
        self._delivery = Delivery(wanted, self._screen, is_whole=False)
        # What programs are told besides the answer.
        self._about: dict[str, Any] = {
            "model": settings.model,
            "effort": settings.effort,
            "seed": settings.seeded().seed,
            "session": None,
        }

    def run(self, arguments: Sequence[str]) -> int:
        """Ask and answer; return the exit code."""
        self._prepare()
        with going_to(self._wanted.output, self._screen) as (screen, place):
            code = self._answer(arguments, screen)
            if code in {ExitCode.OK, ExitCode.CUT_OFF}:
                place.keep()
            elif place.is_draft:
                self._delivery.moved_to(self._screen).fall_back(code, self._about)
            return code

    def break_off(self, exit_code: int, error: GptossError | None = None) -> None:
        """Tell programs that there is no answer, or no more of it; people are told elsewhere.

        A file that the answer was to go to stays as it was: it is told on standard output.
        """
        delivery = self._delivery
        if self._wanted.output is not None:
            delivery = delivery.moved_to(self._screen)
        delivery.break_off(exit_code, self._about, error)

    def _prepare(self) -> None:
        """Read what the options name, and refuse what cannot be, before anything is loaded."""
        if self._wanted.template is not None:
            from gptoss_cli.cli.run.templating import filling

            template = filling(self._wanted.template, self._wanted.parameters)
            self._template = template
            self._settings, self._wanted = template.applied(self._settings, self._wanted)
            if self._settings.seed is not None:
                self._about["seed"] = self._settings.seed
            self._wanted.check()
        if self._wanted.executes:
            from gptoss_cli.cli.run import executing

            executing.require_terminal()
            system = executing.told(self._settings.system, executing.Shell.of_this_user())
            self._settings = replace(self._settings, system=system)
        self._form = form_of(self._wanted)

    def _answer(self, arguments: Sequence[str], screen: Environment) -> int:
        wanted, template = self._wanted, self._template
        is_whole = bool(wanted.extract is not None or wanted.executes or wanted.forms)
        self._delivery = Delivery(wanted, screen, is_whole=is_whole)
        question = compose(arguments, wanted.files, needs_words=template is None)
        text, opening = question.text, question.opening
        if template is not None:
            text, opening = template.prompt(text), ""
        with contextlib.ExitStack() as open_things:
            store = self._store(open_things, screen)
            resumed = conversation.resumed_session(store, wanted.session)
            settings = conversation.with_model_of(self._settings, resumed)
            running = open_things.enter_context(
                contextlib.closing(
                    start(
                        settings,
                        lasting=False,
                        private=wanted.saves is False,
                        loads=not wanted.dry_run,
                    )
                )
            )
            for note in running.notes:
                say(note)
            self._take_up(running, store, resumed)
            code = self._ask(running, question, text, opening, screen)
        for note in running.cache_notes:
            say(f"note: the cache: {note}.")
        return code

    def _store(self, open_things: contextlib.ExitStack, screen: Environment) -> SessionStore | None:
        wanted = self._wanted
        saves = False if wanted.dry_run else wanted.saves
        if saves is None:  # what programs ask in the background is nobody's conversation
            saves = screen.stderr_tty or wanted.session is not None
        return conversation.store_to_keep(open_things, saves=saves, session=wanted.session)

    def _take_up(self, running: Running, store: SessionStore | None, resumed: Any) -> None:
        from gptoss_cli.chat.keeping import Keeper

        chat, wanted = running.chat, self._wanted
        if wanted.saves is not False:
            chat.keeper = Keeper(store)
        if resumed is not None:
            assert store is not None
            own = {"system"} if wanted.executes else set()
            if self._settings.seed is not None:
                own.add("seed")
            chat.take_up(store.load(resumed.id), self._settings.given | own)

    def _ask(
        self, running: Running, question: Question, text: str, opening: str, screen: Environment
    ) -> int:
        chat, delivery = running.chat, self._delivery
        prepared = chat.prepare(text, self._formed(chat.settings), opening=opening)
        if self._wanted.dry_run:
            from gptoss_cli.cli.run.rehearsing import rehearse

            rehearse(chat, prepared, question, self._wanted, screen)
            return ExitCode.OK
        self._show_costs(running, question, screen)
        cancel = Cancel()
        self._about |= {"model": running.model.name, "effort": chat.settings.effort_name}
        with (
            self._interruption.stopping(cancel),
            delivery.renderer(
                show_thinking=self._settings.show_thinking, stats=self._settings.stats
            ) as shown,
        ):
            for event in chat.answer(prepared, cancel):
                if self._about["session"] is None:  # it is kept from the first event on
                    self._about["session"] = chat.keeper.session_id
                delivery.start(self._about)
                delivery.feed(event)
                shown.feed(event)
        if self._settings.stats and delivery.record.finished is not None:
            say(status.particulars(delivery.record.finished, self._about["seed"]))
            say(f"weights {running.placement.weights}")
        code = outcome.exit_code(delivery.record, self._wanted, self._interruption)
        if self._wanted.executes and code == ExitCode.OK:
            return self._decided(running, screen)
        delivery.end(code, outcome.content(delivery.record, self._wanted, self._form, code))
        return code

    def _formed(self, settings: ChatSettings) -> ChatSettings:
        """Return `settings` with the form and the seed that this one answer shall have.

        A seed of our own choice is none of the conversation, which may go on in a chat.
        """
        sampling = replace(settings.sampling, seed=self._about["seed"])
        settings, form = replace(settings, sampling=sampling), self._form
        if form is None:
            return settings
        return replace(
            settings,
            grammar=form.grammar,
            response_format=form.response_format,
            instructions=form.told_with(settings.instructions),
        )

    def _decided(self, running: Running, screen: Environment) -> int:
        """Let the person decide what becomes of the proposed command."""
        self._interruption.end_limit()
        chat = running.chat
        from gptoss_cli.cli.run import executing

        # Standard output may be a file, for the output of the command.
        aside = replace(
            screen,
            stdout=screen.stderr,
            stdout_tty=screen.stderr_tty,
            stdout_paint=screen.stderr_paint,
            stdout_unicode=screen.stderr_unicode,
            stdout_encoding=screen.stderr_encoding,
        )

        def explain(question: str) -> None:
            cancel = Cancel()
            settings = replace(self._formed(chat.settings), instructions="")
            prepared = chat.prepare(question, settings)
            shown = make_renderer(aside, show_thinking=self._settings.show_thinking)
            with self._interruption.stopping(cancel), shown:
                for event in chat.answer(prepared, cancel):
                    shown.feed(event)

        shell = executing.Shell.of_this_user()
        return executing.decide(self._delivery.record.final, shell, explain)

    def _show_costs(self, running: Running, question: Question, screen: Environment) -> None:
        for document in question.documents if screen.stderr_tty else ():
            say_cost(document, running.chat.engine.text_tokens(document.text))
