"""Templates: found, read, checked and filled in."""

from __future__ import annotations

import pytest

from gptoss_cli.config.templates import described_templates, load_template, template_names
from gptoss_cli.errors import UsageError

OURS = ["classify", "commit", "explain", "review", "summarize", "translate"]


@pytest.fixture
def template(tmp_path):
    def written(text: str, name: str = "mine"):
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
        return load_template(name, tmp_path)

    return written


def test_ours_are_there_and_say_what_they_do(tmp_path):
    described = described_templates(tmp_path)
    assert [name for name, _ in described] == OURS
    assert all(does for _, does in described)


@pytest.mark.parametrize("name", OURS)
def test_ours_can_be_filled_in_as_their_example_says(name, tmp_path):
    template = load_template(name, tmp_path)
    assert f"--template {name}" in template.example
    given = {
        key: "X" for key, parameter in template.parameters.items() if parameter.default is None
    }
    prompt, system = template.filled("the question", given)
    assert "the question" in prompt
    assert system
    assert "$" not in prompt + system


def test_the_persons_own_wins(template, tmp_path):
    assert template("prompt = 'mine: $input'", "commit").filled("x", {})[0] == "mine: x"
    assert template_names(tmp_path) == OURS


def test_a_path_is_a_file(tmp_path):
    path = tmp_path / "한글 이름.toml"
    path.write_text("prompt = '번역: $input'", encoding="utf-8")
    assert load_template(str(path), tmp_path / "nowhere").filled("$x $$", {})[0] == "번역: $x $$"


def test_places_defaults_and_dollars(template):
    made = template("prompt = '$$5 ${lang}: $input'\n[parameters.lang]\ndefault = 'ko'")
    assert made.filled("a", {})[0] == "$5 ko: a"
    assert made.filled("a", {"lang": "$input"})[0] == "$5 $input: a"


def test_a_question_without_a_place_stands_behind(template):
    assert template("prompt = 'Say hello.'").filled("To me.", {})[0] == "Say hello.\n\nTo me."


def test_settings_are_those_of_the_configuration(template):
    made = template("effort = 'low'\n[sampling]\ntemperature = 0.5")
    assert made.settings == {"effort": "low", "temperature": 0.5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompt = 5", "not a text"),
        ("promt = 'x'", "did you mean|Did you mean|prompt"),
        ("effort = 'huge'", "low, medium, high or none"),
        ("[sampling]\ntemperature = 100", "temperature"),
        ("prompt = '$nothing'", r"\$nothing, which is no parameter"),
        ("prompt = '50 $'", "begins no name"),
        ("prompt = '$한글'", "begins no name"),
        ("[parameters]\ninput = {}", "cannot be the name"),
        ("[parameters.Big]", "cannot be the name"),
        ("[parameters.a]\nfiel = true", "did you mean|no fiel"),
        ("[parameters.a]\nfile = 'yes'", "true or false"),
        ("parameters = 'a'", "not a table"),
        ("prompt = ", "no TOML"),
        ("a = " + "[" * 5000, "no TOML"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(template, text, said):
    with pytest.raises(UsageError, match=said) as caught:
        template(text)
    assert "mine.toml" in str(caught.value)


def test_what_is_missing_or_unknown_is_told(template):
    made = template("prompt = '$policy $input'\n[parameters.policy]\nfile = true\nhelp = 'rules'")
    with pytest.raises(UsageError, match="wants policy: a file, rules"):
        made.filled("x", {})
    with pytest.raises(UsageError, match="no parameter polcy") as caught:
        made.filled("x", {"polcy": "y", "policy": "z"})
    assert caught.value.hint == "-p policy=…"


def test_a_name_that_is_nearly_right(tmp_path):
    with pytest.raises(UsageError) as caught:
        load_template("comit", tmp_path)
    assert caught.value.hint == "did you mean commit?"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * (2 << 20)])
def test_what_is_no_template(tmp_path, content):
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"mine\.toml"):
        load_template("mine", tmp_path)
    assert ("mine", "") in described_templates(tmp_path)


@pytest.mark.parametrize("name", ["", "..", "nothere.toml", "/nowhere/x.toml"])
def test_there_is_none(tmp_path, name):
    with pytest.raises(UsageError):
        load_template(name, tmp_path)
