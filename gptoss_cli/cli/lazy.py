"""Groups of commands that import a command when it is named, and none to list them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar, NamedTuple, NoReturn

import typer
import typer.core
import typer.main


class Command(NamedTuple):
    """Where a command is, as ``module:attribute`` (a function or a ``typer.Typer``), and what its
    group says of it: whole sentences of its help, the first ones.
    """

    place: str
    summary: str


class _Loaded(MutableMapping[str, Any]):
    """Typer's own commands by name, each made when it is asked for."""

    def __init__(self, table: Mapping[str, Command]) -> None:
        self._table = table
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(name, self._table[name].place)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._table

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __setitem__(self, name: str, command: Any) -> NoReturn:
        raise TypeError("commands stand in the table of their group")

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError("commands stand in the table of their group")


def loaded(place: str) -> Any:
    """Import what is at `place`, ``module:attribute``."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _made(name: str, place: str) -> Any:
    """Return Typer's own object for the function or group at `place`."""
    command = loaded(place)
    if isinstance(command, typer.Typer):
        return typer.main.get_group(command)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name=name)(command)
    return typer.main.get_command(alone)


class LazyGroup(typer.core.TyperGroup):
    """A group of the commands in its ``table``."""

    table: ClassVar[Mapping[str, Command]]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": {}})
        self.commands = _Loaded(self.table)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  Typer gives it
        """Return the names in the order of the table."""
        return list(self.table)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """Write the list of commands for the help, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in self.table.items()])


def group_of(commands: Mapping[str, Command]) -> type[LazyGroup]:
    """Return the class of a group of `commands`, for ``typer.Typer(cls=...)``."""
    return type("Group", (LazyGroup,), {"table": commands})


def app_of(
    name: str,
    commands: Mapping[str, Command],
    summary: str,
    alone: Callable[[typer.Context], Callable[[], int] | None],
) -> typer.Typer:
    """Return the group `name` of `commands`; named without one of them, it does what `alone`
    returns.
    """
    app = typer.Typer(
        name=name,
        cls=group_of(commands),
        help=summary,
        invoke_without_command=True,
        rich_markup_mode=None,
    )

    @app.callback()
    def _named(ctx: typer.Context) -> Callable[[], int] | None:
        return alone(ctx) if ctx.invoked_subcommand is None else None

    return app
