"""What a chat needs of the program around it, put together by whoever knows the environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gptoss_cli.engine.base import Engine


@dataclass(frozen=True, slots=True)
class Started:
    """A model that is being loaded: the name that means it later too, its largest window in tokens,
    where it runs, how the weights were loaded and why so, and what a person should know of it.
    """

    engine: Engine
    model: str
    most_context: int
    description: str
    weights: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """``start`` begins to load a model by name and calls the function it is given once all is
    checked (raises GptossError). ``models`` names those that are installed. ``remember_theme``
    raises GptossError where the choice cannot be kept. ``forget_typed`` removes what was typed from
    the file of it: as one of the texts, or in one of the conversations with the ids. ``folder`` is
    what relative paths begin in. ``is_remote``: the terminal is on another machine, so is its
    clipboard. ``editor`` is the person's, or empty. ``titles``: the model may be asked for titles.
    ``may_prefill``: whether the model may work now, while nobody waits for it.
    """

    start: Callable[[str, Callable[[], None]], Started]
    models: Callable[[], Sequence[str]]
    remember_theme: Callable[[str], None]
    forget_typed: Callable[[Sequence[str], Sequence[str]], None]
    folder: Path
    is_remote: bool
    editor: str
    titles: bool = True
    may_prefill: Callable[[], bool] = lambda: True

    def path(self, name: str) -> Path:
        """Return the file that the person means by `name`."""
        unquoted = name[1:-1] if len(name) > 1 and name[0] == name[-1] in "'\"" else name
        try:
            return self.folder / Path(unquoted).expanduser()
        except RuntimeError:  # ~somebody that is nobody
            return self.folder / unquoted
