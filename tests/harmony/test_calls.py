"""Arguments as models write them."""

from __future__ import annotations

import pytest

from gptoss_cli.harmony.calls import MalformedCall, call_arguments
from tests.harmony.conversations import call


@pytest.mark.parametrize(
    ("content", "arguments"),
    [
        ('{"city": "Zürich"}', {"city": "Zürich"}),
        (' \n{"a": 1}\n', {"a": 1}),
        ("", {}),
        (" \n", {}),
        ("{}", {}),
        ('[{"a": 1}]', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```\n{"a": 1}```', {"a": 1}),
        ('```{"a": 1}```', {"a": 1}),
        ('\n```JSON\r\n[{"a": 1}]\r\n```\n', {"a": 1}),
        ('```json\n{"code": "```x```"}\n```', {"code": "```x```"}),
        ("```json\n```", {}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": "line\nbreak\tand tab"}', {"a": "line\nbreak\tand tab"}),
        ('{"a": [null, true, 1.5, {"b": []}]}', {"a": [None, True, 1.5, {"b": []}]}),
        ('{"a": "\\ud83d\\ude00", "\\ud800": "\\ud800"}', {"a": "😀", "\ufffd": "\ufffd"}),
    ],
)
def test_arguments_are_found(content: str, arguments: object) -> None:
    assert call_arguments(call(content)) == arguments


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"a": 1', "not valid JSON: Expecting ',' delimiter (line 1, column 8)."),
        ("{'a': 1}", "not valid JSON: Expecting property name enclosed in double quotes"),
        ('{"a": 1} {"b": 2}', "not valid JSON: Extra data (line 1, column 10)."),
        ("hello", "not valid JSON: Expecting value"),
        ('{"a": NaN}', "not valid JSON: NaN is not a JSON value."),
        ('{"a": ' + "1" * 5000 + "}", "not valid JSON: Exceeds the limit"),
        ("[" * 100_000, "nested too deeply"),
        ("null", "must be a JSON object, but they are null"),
        ("true", "must be a JSON object, but they are a boolean"),
        ("3", "must be a JSON object, but they are a number"),
        ('"hi"', "must be a JSON object, but they are a string"),
        ("[]", "must be a JSON object, but they are an array of 0 elements"),
        ('[{"a": 1}, {"b": 2}]', "must be a JSON object, but they are an array of 2 elements"),
        ("[3]", "must be a JSON object, but they are an array of 1 elements"),
        ('"{oops"', "not valid JSON"),
    ],
)
def test_the_model_is_told_what_is_wrong(content: str, reason: str) -> None:
    problem = call_arguments(call(content))
    assert isinstance(problem, MalformedCall)
    assert reason in problem.reason
    assert len(problem.reason) < 200
