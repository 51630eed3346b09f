"""Schemas the reference has no answer to; what it answers is in the goldens of `test_render.py`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from gptoss_cli.harmony.schema import json_text, lines_of, tool_namespace, typescript


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def test_nesting_without_end_is_any() -> None:
    assert typescript(nested(20)) == "string" + "[]" * 20
    assert typescript(nested(100_000)).startswith("any[]")


def test_a_schema_need_not_be_a_dict() -> None:
    schema: Mapping[str, Any] = MappingProxyType(
        {"type": "object", "properties": MappingProxyType({"x": {"type": ("string", "null")}})}
    )
    assert typescript(schema) == "{\nx?: string | null,\n}"


@pytest.mark.parametrize(
    "schema", [None, True, 3, "string", [], [{"type": "string"}], {"type": {}}]
)
def test_what_is_no_schema_is_any(schema: object) -> None:
    assert typescript(schema) == "any"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), "null"),
        (float("-inf"), "null"),
        (10**400, "null"),
        (1e-5, "0.00001"),
        (-1.25e-5, "-0.0000125"),
        (1e-6, "1e-6"),
        (1e16, "1e16"),
        (2**64, "1.8446744073709552e19"),
        ({1: (2, {"a": None})}, '{"1":[2,{"a":null}]}'),
        ("ü\n\u0001", '"ü\\n\\u0001"'),
        (b"x", "\"b'x'\""),
    ],
)
def test_json_is_written_as_the_reference_writes_it(value: object, text: str) -> None:
    assert json_text(value) == text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("\n", [""]),
        ("a\r\nb\r", ["a", "b\r"]),
        ("a\u2028b\x0cc", ["a\u2028b\x0cc"]),
    ],
)
def test_lines_end_where_rust_ends_them(text: str, lines: list[str]) -> None:
    assert lines_of(text) == lines


def test_a_namespace_without_tools_is_prose() -> None:
    assert tool_namespace("python", "Runs\ncode.", ()) == "## python\n\nRuns\ncode."
