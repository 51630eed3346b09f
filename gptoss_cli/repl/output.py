"""The terminal prompt_toolkit writes to; what is printed above the prompt is written at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from prompt_toolkit.data_structures import Size
from prompt_toolkit.output import ColorDepth, Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output

from gptoss_cli.ui.theme import Paint

if TYPE_CHECKING:
    from gptoss_cli.ui.terminal import Environment

_DEPTHS = {
    Paint.NONE: ColorDepth.DEPTH_1_BIT,
    Paint.ATTRIBUTES: ColorDepth.DEPTH_1_BIT,
    Paint.COLOUR: ColorDepth.DEPTH_4_BIT,
}


class HeldOutput(Vt100_Output):
    """A terminal that can hold back what is written until the whole of it is there.

    Printing above the prompt means to erase the prompt, print, and draw the prompt again. Between
    these nobody should see the screen, nor should something be pasted: erasing also ends the
    marking of pastes, and lines pasted in that moment would be sent one by one.
    """

    is_held = False

    def flush(self) -> None:
        """Write what has come, unless it is held back."""
        if not self.is_held:
            super().flush()

    def hold(self) -> None:
        """Hold back what is written from now on."""
        self.is_held = True

    def release(self) -> None:
        """Write all that was held back."""
        self.is_held = False
        super().flush()


def make_output(environment: Environment) -> Output:
    """Return the terminal on standard output."""
    depth = _DEPTHS[environment.stdout_paint]
    if sys.platform == "win32":
        return create_output(sys.stdout)

    def size() -> Size:
        columns, rows = environment.size()
        return Size(rows=rows, columns=columns)

    # The terminal is not asked where the cursor is: answers that come late would be typed text.
    return HeldOutput(
        sys.stdout,
        size,
        term=environment.term,
        default_color_depth=depth,
        enable_bell=False,
        enable_cpr=False,
    )
