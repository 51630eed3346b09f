"""From what a person types to an answer of that form: enforced and valid, or refused by name."""

from __future__ import annotations

import json

import jsonschema
import pytest

from gptoss_cli.errors import ExitCode, UnmetFormError, UsageError
from gptoss_cli.structured.form import choices_form, regex_form, schema_form
from tests.engine.test_grammar import ask, random
from tests.support.random_model import write_random_model

__all__ = ["random", "write_random_model"]

DRAFT_7 = "http://json-schema.org/draft-07/schema#"
CARD = {
    "title": "Card",
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 4},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
SHORT = {"type": "string", "maxLength": 3}
ENFORCED = [
    CARD,
    {"type": "number"},
    {"type": "number", "minimum": -1.5, "exclusiveMaximum": 2},
    {"type": "number", "multipleOf": 0.01},
    {"type": "integer", "multipleOf": 7},
    {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    {"enum": [None, True, 1.5, "x", ["y"], {"z": 1}]},
    {"const": {"a": [1, {"b": "é"}]}},
    {"type": ["string", "null"], "pattern": r"^[a-z]{2}-\d$"},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "string", "format": "ipv6"},
    {"type": "string", "format": "email"},
    {"type": "array", "prefixItems": [{"type": "integer"}], "items": False, "minItems": 1},
    {"$schema": DRAFT_7, "items": [{"type": "integer"}, SHORT], "type": "array",
     "additionalItems": False},
    {"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer", "minimum": 3,
     "exclusiveMinimum": True, "maximum": 9},
    {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
    {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 5}]},
    {"oneOf": [{"const": 1}, {"const": 2, "title": "two"}]},
    {"oneOf": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}],
     "$defs": {
         "cat": {"type": "object", "properties": {"kind": {"const": "cat"}},
                 "required": ["kind"], "additionalProperties": False},
         "dog": {"type": "object", "properties": {"kind": {"const": "dog"}},
                 "required": ["kind"], "additionalProperties": False}}},
    {"$ref": "#/$defs/node", "$defs": {"node": {
        "type": "object", "properties": {"next": {"$ref": "#/$defs/node"}},
        "additionalProperties": False}}},
    {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}},
     "dependentRequired": {"a": ["b"]}, "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": "null"}}, "unevaluatedProperties": False},
    {"type": "object", "patternProperties": {"^x[0-9]$": {"type": "boolean"}},
     "additionalProperties": False},
    {"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 4,
     "uniqueItems": False, "x-order": 3, "examples": [[]]},
    {"properties": {"$ref": {"type": "null"}}, "type": "object", "required": ["$ref"],
     "additionalProperties": False},
]  # fmt: skip


@pytest.mark.parametrize("schema", ENFORCED, ids=lambda schema: json.dumps(schema)[:60])
def test_answers_of_random_weights_follow_the_schema(random, schema):
    form = schema_form(json.dumps(schema))
    cls = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    validator = cls(schema, format_checker=cls.FORMAT_CHECKER)
    for seed in range(2):
        text, _, reason = ask(random, form.grammar, seed_of(seed), max_tokens=700)
        assert reason == "stop"
        value = form.read(text)
        assert value == json.loads(text)
        if "multipleOf" not in schema:  # which jsonschema checks in binary fractions
            validator.validate(value)


def seed_of(seed: int):
    from gptoss_cli.engine.base import Sampling

    return Sampling(seed=seed)


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"not": {"type": "string"}}, "not at #/not"),
        ({"properties": {"a/b": {"uniqueItems": True}}}, "uniqueItems at #/properties/a~1b/"),
        ({"contains": {"type": "null"}}, "contains at #/contains"),
        ({"if": {"type": "null"}, "then": False}, "if at #/if"),
        ({"propertyNames": {"maxLength": 3}}, "propertyNames at #/propertyNames"),
        ({"allOf": [{}], "unevaluatedProperties": False}, "unevaluatedProperties at #/"),
        ({"$dynamicRef": "#x"}, r"\$dynamicRef at #/\$dynamicRef"),
        ({"$ref": "http://example.com/schema"}, r"\$ref at #/\$ref \(it leads out"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"type": "string", "pattern": "(?=a)"}, "pattern at #/pattern .lookarounds"),
        ({"type": "string", "format": "iri"}, "format at #/format .iri"),
        ({"type": "object", "minProperties": 2}, "minProperties at #/minProperties .keys"),
        ({"const": 2**53 + 1}, "const at #/const"),
        ({"type": "array", "minItems": 10**9}, "minItems at #/minItems"),
        ({"items": {"oneOf": [{"type": "number"}, {"type": "integer"}]}}, "oneOf .* at #/items"),
        ({"$schema": "http://example.com/mine"}, "unknown draft"),
        (
            {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
            "no finite value",
        ),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "minimum"),
        ({"properties": 3}, "#/properties is not an object of schemas"),
        ({"type": "int"}, "#/type is not a type"),
        (False, "no finite value"),
    ],
)
def test_what_cannot_be_enforced_is_named_with_its_place(schema, named):
    with pytest.raises(UnmetFormError, match=named) as caught:
        schema_form(json.dumps(schema))
    assert caught.value.exit_code is ExitCode.UNMET_FORM == 5


def test_all_that_cannot_be_enforced_is_named_at_once():
    schema = {"not": {"a": 1}, "properties": {"x": {"uniqueItems": True}, "y": {"if": 1 > 0,
              "then": {}}}}  # fmt: skip
    with pytest.raises(UnmetFormError, match=r"not at .*uniqueItems at .*if at #/properties/y/if"):
        schema_form(json.dumps(schema))


def chain(length: int) -> dict:
    links = {f"a{i}": {"items": {"$ref": f"#/$defs/a{i + 1}"}} for i in range(length)}
    return {"$ref": "#/$defs/a0", "$defs": links | {f"a{length}": {"type": "string"}}}


def nested(depth: int) -> dict:
    schema: dict = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"maximum":1e400}',
        '{"maximum":' + "9" * 5000 + "}",
        '{"maximum":NaN}',
        '{"const":"\\ud800"}',
        json.dumps(nested(300)),
        json.dumps(chain(9000)),
        json.dumps({"properties": {f"p{i}": {"type": "string"} for i in range(5000)}}),
        json.dumps({"type": "string", "pattern": "(" * 5000 + "a" + ")" * 5000}),
        json.dumps(
            {"allOf": [{"anyOf": [{"type": "object", "properties": {f"p{j}": {"const": i}}}
                                  for i in range(8)]} for j in range(12)]}
        ),
        json.dumps(
            {"$defs": {"a40": {}} | {f"a{i}": {"oneOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2}
                                     for i in range(40)},
             "oneOf": [{"$ref": "#/$defs/a0"}, {"type": "null"}]}
        ),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_hostile_schemas_end_in_a_sentence(schema):
    with pytest.raises((UnmetFormError, UsageError)):
        schema_form(schema)


def test_deep_schemas_that_are_no_attack_pass():
    schema_form(json.dumps(nested(50)))
    schema_form(json.dumps(chain(100)))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"name": "x", "age": "3"}', r'"3" at #/age is against "type": "integer"'),
        ('{"name": "x"}', "required"),
        ('{"name": "x", "age": 3, "tags": ["a", "c"]}', "at #/tags/1"),
        ('{"name": "xxxxx", "age": 3}', "maxLength"),
        ('{"name": "x", "age": 3, "b": 1}', "1 at #/b is not allowed"),
        ('{"name": "x", "age": 1', "not JSON"),
        ("", "not JSON"),
        ('{"name": "x", "age": NaN}', "not JSON"),
        ('{"name": "x", "age": 1e999}', "too large"),
        ("[" * 50_000, "nested"),
    ],
)
def test_an_answer_that_is_not_as_asked_is_said_with_its_place(text, what):
    with pytest.raises(UnmetFormError, match=what):
        schema_form(json.dumps(CARD)).read(text)


def test_decimal_fractions_are_multiples_as_people_count():
    form = schema_form('{"type": "number", "multipleOf": 0.01}')
    assert form.read("0.07") == 0.07
    with pytest.raises(UnmetFormError):
        form.read("0.075")


def test_the_model_is_told_the_schema_as_it_was_given():
    form = schema_form(json.dumps(CARD))
    assert form.response_format is not None
    assert form.response_format.schema == CARD
    assert form.response_format.name == "Card"
    assert form.instructions == ""


def test_fields_become_a_schema_of_required_fields():
    form = schema_form("name, age int, score float, ok bool, bio: a short one")
    schema = form.response_format.schema
    assert schema["required"] == ["name", "age", "score", "ok", "bio"]
    assert [field["type"] for field in schema["properties"].values()] == [
        *("string", "integer", "number", "boolean", "string")
    ]
    assert schema["properties"]["bio"]["description"] == "a short one"
    in_lines = schema_form("name\n bio: short, and kind\n").response_format.schema
    assert in_lines["properties"]["bio"]["description"] == "short, and kind"


def test_several_are_a_list_in_items_whose_references_still_lead_home():
    item = {"$ref": "#/$defs/a", "$defs": {"a": {"enum": [1, 2]}}}
    form = schema_form(json.dumps(item), several=True)
    assert form.read('{"items": [1, 2]}') == {"items": [1, 2]}
    with pytest.raises(UnmetFormError, match="#/items/0"):
        form.read('{"items": [3]}')
    assert schema_form("name", several=True).read('{"items": [{"name": "x"}]}')


def test_a_schema_is_read_from_a_file(tmp_path, monkeypatch):
    path = tmp_path / "card.json"
    path.write_text("\ufeff" + json.dumps(CARD), "utf-8")
    assert schema_form(str(path)).response_format.schema == CARD
    monkeypatch.chdir(tmp_path)
    assert schema_form("card.json").response_format.schema == CARD
    (tmp_path / "card").write_text("{}")
    with pytest.raises(UsageError, match="could be a file or a field"):
        schema_form("card")
    with pytest.raises(UsageError, match="cannot be read: no such file"):
        schema_form("none.json")


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("", "empty"),
        ("[1]", "an object"),
        ("{", "not JSON"),
        ("name, age number", '"number" is no type'),
        ("name, name", "twice"),
        ("name a b", "not a name and a type"),
        (",", "no fields"),
    ],
)
def test_what_is_no_schema_is_said(schema, why):
    with pytest.raises(UsageError, match=why):
        schema_form(schema)


def test_choices_are_kept_to_the_letter(random):
    choices = ["yes", "no, (thanks)|.*", "네", "e\u0301"]
    form = choices_form(choices)
    assert {ask(random, form.grammar, seed_of(seed))[0] for seed in range(8)} <= set(choices)
    assert form.read("네") == "네"
    assert form.response_format is None
    assert "no, (thanks)|.*" in form.instructions
    with pytest.raises(UnmetFormError, match="none of the choices"):
        form.read("yes ")
    for wrong in ([], [""], ["a", " "]):
        with pytest.raises(UsageError):
            choices_form(wrong)


def test_a_pattern_is_matched_as_a_whole():
    form = regex_form("[a-z]+@[a-z]+\\.org")
    assert form.read("ab@cd.org") == "ab@cd.org"
    for wrong in ("ab@cd.org ", "x ab@cd.org", ""):
        with pytest.raises(UnmetFormError, match="does not follow the pattern"):
            form.read(wrong)
    with pytest.raises(UnmetFormError, match="cannot be enforced: it is no regular expression"):
        regex_form("[a-z")
