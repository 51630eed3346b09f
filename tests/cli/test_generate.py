"""Scripts, grammar and man page in the repository are those the program makes."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from gptoss_cli.cli.completion.scripts import FILES
from gptoss_cli.cli.generate import ROOT, generated
from tests.support.program import gptoss

FILES_MADE = generated()
PAGE = ROOT / "docs" / "gptoss.1"


@pytest.mark.parametrize("path", FILES_MADE, ids=lambda path: path.name)
def test_generated_files_are_up_to_date(path):
    assert path.read_text(encoding="utf-8") == FILES_MADE[path], "python -m gptoss_cli.cli.generate"


@pytest.mark.parametrize("shell", FILES)
def test_the_scripts_are_printed(shell):
    script = ROOT / "completions" / FILES[shell]
    assert gptoss("completion", "show", shell).stdout == script.read_text(encoding="utf-8")


def test_the_man_page_is_plain_roff():
    page = PAGE.read_text(encoding="utf-8")
    assert page.isascii()
    known = (".TH", ".SH", ".SS", ".TP", ".PP", ".br", ".EX", ".EE", '.\\"')
    requests = [line for line in page.splitlines() if line.startswith((".", "'"))]
    assert all(line.startswith(known) for line in requests)


def test_the_man_page_renders_without_a_warning_and_with_all_options():
    if shutil.which("groff") is None:
        pytest.skip("groff is not here")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", PAGE],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    for word in ("--show-thinking / --hide-thinking", "gptoss sessions export", "141", "HF_HOME"):
        assert word in done.stdout
