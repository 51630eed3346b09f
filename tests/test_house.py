"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import importlib

import pytest

from tests.support.program import ROOT

MODULES = sorted((ROOT / "gptoss_cli").rglob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_longer_than_500_lines(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 500


def test_the_embedded_model_is_at_most_3_mb():
    assert (ROOT / "gptoss_cli" / "models" / "demo.gguf").stat().st_size <= 3_000_000


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda path: path.name)
def test_a_benchmark_measures_what_there_is(script):
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gptoss_cli"):
            module = importlib.import_module(str(node.module))
            for name in node.names:
                if not hasattr(module, name.name):
                    importlib.import_module(f"{node.module}.{name.name}")
