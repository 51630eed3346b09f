"""A conversation at the terminal, from its heading until the person leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from gptoss_cli.repl.commands import registry
from gptoss_cli.repl.dialogue import Dialogue

if TYPE_CHECKING:
    from gptoss_cli.chat.turn import Chat
    from gptoss_cli.repl.front import Front
    from gptoss_cli.repl.services import Services
    from gptoss_cli.sessions.records import SessionInfo
    from gptoss_cli.ui.terminal import Environment

_KEYS: Final = "Enter sends · Alt-Enter new line · /help · Ctrl-D leaves"
_PLAIN_KEYS: Final = "Enter sends. /help shows the commands. Ctrl-D leaves."


def hold(
    chat: Chat,
    environment: Environment,
    services: Services,
    *,
    heading: str,
    weights: str = "",
    show_thinking: bool | None = None,
    stats: bool = False,
    theme: str = "default",
    history: Path | None = None,
    resumed: SessionInfo | None = None,
    given: frozenset[str] = frozenset(),
    typed: str = "",
) -> None:
    """Hold a conversation at the terminal; return when the person leaves.

    ``history`` is the file of what was typed, None to keep none; ``resumed`` the stored session to
    go on with, in which the settings that were ``given`` stay as they are; ``typed`` what was typed
    before all this was there; ``weights`` how those were loaded, and why so.
    """

    def make_dialogue(front: Front) -> Dialogue:
        return Dialogue(
            chat,
            front,
            services=services,
            command=registry.run,
            resumed=resumed,
            given=given,
            weights=weights,
        )

    if not environment.live:
        from gptoss_cli.repl.plain import PlainFront  # noqa: PLC0415

        plain = PlainFront(
            environment,
            show_thinking=show_thinking,
            stats=stats,
            editor=services.editor,
            make_dialogue=make_dialogue,
        )
        plain.run(f"{heading}\n{_PLAIN_KEYS}")
        return
    from gptoss_cli.documents.completion import complete  # noqa: PLC0415
    from gptoss_cli.repl.completer import ChatCompleter  # noqa: PLC0415
    from gptoss_cli.repl.live import LiveFront  # noqa: PLC0415

    def make_completer(dialogue: Dialogue) -> ChatCompleter:
        return ChatCompleter(
            registry.COMMANDS,
            models=services.models,
            titles=lambda: dialogue.titles,
            paths=lambda typed: complete(typed, services.folder),
        )

    live = LiveFront(
        environment,
        show_thinking=show_thinking,
        stats=stats,
        history=history,
        editor=services.editor,
        make_dialogue=make_dialogue,
        make_completer=make_completer,
    )
    live.use_theme(theme)
    live.run(f"{heading}\n{_KEYS}", typed)
