"""Rules of the house that no linter knows."""

from __future__ import annotations

import pytest

from tests.support.program import ROOT

MODULES = sorted((ROOT / "gptoss_cli").rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_longer_than_500_lines(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 500


def test_the_embedded_model_is_at_most_3_mb():
    assert (ROOT / "gptoss_cli" / "models" / "demo.gguf").stat().st_size <= 3_000_000
