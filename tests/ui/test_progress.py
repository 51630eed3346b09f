"""How far a download has come, in terminals of any width."""

from __future__ import annotations

import io
import re
import time

import pytest

from gptoss_cli.ui.cells import cells
from gptoss_cli.ui.progress import FileProgress
from gptoss_cli.ui.terminal import Environment

NAME = "gpt-oss-20b-mxfp4.gguf"


def last_row(columns: int) -> str:
    """Return the last picture of a download of 12 GB, a third of it there."""
    stderr = io.StringIO()
    screen = Environment(
        stdout=io.StringIO(), stderr=stderr, stderr_tty=True, size=lambda: (columns, 24)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        with FileProgress(screen, [NAME], [12_000_000_000]) as progress:
            progress.begin([0])
            for step in range(1, 6):
                progress.report(0, step * 800_000_000)
                time.sleep(0.05)
            progress._progress.refresh()
            picture = stderr.getvalue()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", picture).replace("\r", "\n")
    return [row.rstrip() for row in plain.split("\n") if row.strip()][-1]


@pytest.mark.parametrize("columns", [200, 100, 72])
def test_bytes_speed_and_time_left(columns):
    row = last_row(columns)
    assert row.startswith("gpt-oss")
    assert re.search(r"4\.0 GB of 12\.0 GB · [\d.,]+ [GM]B/s · [\d.]+ s left$", row)
    assert cells(row) <= columns


@pytest.mark.parametrize("columns", [71, 50, 40])
def test_where_there_is_less_room_the_time_left_is_what_stays(columns):
    row = last_row(columns)
    assert "4.0 GB of 12.0 GB" in row
    assert row.endswith("s left")
    assert cells(row) <= columns


@pytest.mark.parametrize("columns", [30, 20])
def test_a_very_narrow_terminal_shows_how_far_it_is(columns):
    row = last_row(columns)
    assert row.endswith(("4.0 GB of 12.0 GB", "33%"))
    assert cells(row) <= columns
