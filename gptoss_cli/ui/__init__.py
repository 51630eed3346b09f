"""The screen: events in, words out. stdout carries the answer, stderr everything else."""

from __future__ import annotations

from gptoss_cli.ui.renderer import Renderer, make_renderer
from gptoss_cli.ui.terminal import Environment
from gptoss_cli.ui.theme import Paint

__all__ = ["Environment", "Paint", "Renderer", "make_renderer"]
