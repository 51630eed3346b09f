"""How far a batch is, in words, and what stays of them."""

from __future__ import annotations

import io

from gptoss_cli.ui.batch_progress import BatchProgress
from gptoss_cli.ui.terminal import Environment


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def progress(*, total: int | None, before: int = 0, columns: int = 80, live: bool = True):
    stderr, clock = io.StringIO(), Clock()
    screen = Environment(
        stdout=io.StringIO(), stderr=stderr, stderr_tty=live, size=lambda: (columns, 24)
    )
    return BatchProgress(screen, total, before=before, clock=clock), stderr, clock


def test_lines_rates_and_the_time_left():
    shown, stderr, clock = progress(total=200, before=20)
    shown.show(20, 0)
    clock.now += 20.0
    shown.show(100, 620)
    assert stderr.getvalue().endswith("\r\x1b[K100/200 · 4.0 lines/s · 31 tok/s · 25 s left")


def test_loading_is_told_and_does_not_count_as_time():
    shown, stderr, clock = progress(total=None)
    shown.show(0, 0, 0.4)
    assert stderr.getvalue().endswith("loading 40 %")
    clock.now += 50.0
    shown.show(0, 0, 1.0)
    clock.now += 2.0
    shown.show(4, 20)
    assert stderr.getvalue().endswith("4 lines · 2.0 lines/s · 10 tok/s")


def test_a_narrow_terminal_loses_the_last_parts_only():
    shown, stderr, clock = progress(total=200, columns=24)
    shown.show(0, 0)
    clock.now += 10.0
    shown.show(100, 500)
    assert stderr.getvalue().endswith("100/200 · 10.0 lines/s")


def test_what_moves_is_erased_and_a_pipe_gets_nothing():
    shown, stderr, _ = progress(total=2)
    with shown:
        shown.show(1, 5)
    assert stderr.getvalue().endswith("\r\x1b[K")
    silent, stderr, _ = progress(total=2, live=False)
    with silent:
        silent.show(1, 5)
    assert stderr.getvalue() == ""
