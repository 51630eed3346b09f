"""What counts where a key is set more than once, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gptoss_cli.chat.settings import ChatSettings
from gptoss_cli.config.file import ConfigError, parse
from gptoss_cli.config.keys import DEFAULTS, KEYS
from gptoss_cli.config.precedence import Origin, configuration, problems_of

PLACE = Path("config.toml")

# A key of each kind: in the file, in the profile, in a variable, and what those mean.
OF_EACH_KIND = [
    ("model", '"f"', '"p"', "e", ("f", "p", "e")),
    ("effort", '"low"', '"high"', "Medium", ("low", "high", "medium")),
    ("system", '"파일"', '"모둠"', "환경", ("파일", "모둠", "환경")),
    ("temperature", "1", "0.5", "0", (1.0, 0.5, 0.0)),
    ("top_k", "1", "2", "3", (1, 2, 3)),
    ("seed", "1", '"none"', "3", (1, None, 3)),
    ("seed", "1", "2", "none", (1, 2, None)),
    ("stats", "true", "false", "yes", (True, False, True)),
    ("show_thinking", "true", '"auto"', "off", (True, None, False)),
    ("theme", '"clear"', '"Mono"', "LIGHT", ("clear", "mono", "light")),
    ("save", "false", "true", "0", (False, True, False)),
]


def set_to(name: str, value: str, prefix: str = "") -> str:
    (key,) = [key for key in KEYS if key.name == name]
    table = ".".join(part for part in (prefix, key.table) if part)
    return f"[{table}]\n{name} = {value}\n" if table else f"{name} = {value}\n"


def read(text: str, environ: dict[str, str] | None = None, profile: str | None = None):
    return configuration(parse(PLACE, text), environ or {}, profile)


@pytest.mark.parametrize(("name", "file", "profile", "variable", "meant"), OF_EACH_KIND)
def test_a_variable_comes_before_a_profile_before_the_file_before_the_default(
    name, file, profile, variable, meant
):
    in_file, in_profile = set_to(name, file), set_to(name, profile, "profiles.p")
    empty_profile = "[profiles.p]\n"
    environ = {f"GPTOSS_{name.upper()}": variable}
    for text, env, expected, origin in [
        (empty_profile, {}, DEFAULTS[name], Origin.DEFAULT),
        (in_file + empty_profile, {}, meant[0], Origin.FILE),
        (in_profile, {}, meant[1], Origin.PROFILE),
        (in_file + in_profile, {}, meant[1], Origin.PROFILE),
        (empty_profile, environ, meant[2], Origin.ENVIRONMENT),
        (in_file + empty_profile, environ, meant[2], Origin.ENVIRONMENT),
        (in_profile, environ, meant[2], Origin.ENVIRONMENT),
        (in_file + in_profile, environ, meant[2], Origin.ENVIRONMENT),
    ]:
        setting = read(text, env, "p")[name]
        assert (setting.value, setting.origin) == (expected, origin)
        assert type(setting.value) is type(expected)


def test_a_profile_changes_only_what_it_sets():
    text = 'effort = "low"\nstats = true\n[sampling]\nseed = 1\ntop_k = 2\n'
    text += '[profiles.p]\neffort = "high"\n[profiles.p.sampling]\nseed = 5\n'
    here = read(text, profile="p")
    assert [here[n].value for n in ("effort", "stats", "seed", "top_k")] == ["high", True, 5, 2]
    assert read(text)["effort"].value == "low"


def test_a_profile_is_named_by_the_option_before_the_variable():
    text = '[profiles.a]\neffort = "low"\n[profiles."b c"]\neffort = "high"\n'
    assert read(text, {"GPTOSS_PROFILE": "a"})["effort"].value == "low"
    assert read(text, {"GPTOSS_PROFILE": "a"}, "b c")["effort"].value == "high"


def test_a_variable_set_to_nothing_counts_as_not_set():
    assert read('effort = "low"', {"GPTOSS_EFFORT": "", "GPTOSS_PROFILE": ""}).profile is None


def test_the_defaults_are_those_a_conversation_is_made_with():
    made = ChatSettings()
    for name in ("temperature", "top_p", "top_k", "min_p", "seed", "max_tokens"):
        assert made.number(name) == DEFAULTS[name]
    assert (made.effort.value, made.instructions) == (DEFAULTS["effort"], DEFAULTS["system"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('efort = "low"', "config.toml:1: there is no key efort. Did you mean effort?"),
        ("\n[sampling]\ntemprature = 1", ":3: there is no key sampling.temprature. Did you mean"),
        ("top_p = 1", "top_p stands in [sampling]"),
        ('[sampling]\neffort = "low"', "effort stands above all tables"),
        ("[samplin]\nseed = 1", "Did you mean sampling?"),
        (
            "[sampling]\nseed = true",
            "takes a whole number from 0 to 2,147,483,647 or none, not true",
        ),
        ("[sampling]\nseed = 1.0", "not 1.0"),
        ("[sampling]\nseed = 1000000000000000000000000000000", "a number that long"),
        ("[sampling]\ntemperature = false", "not false"),
        ("[sampling]\ntemperature = inf", "not inf"),
        ("[sampling]\ntemperature = nan", "not nan"),
        ('[sampling]\ntop_p = "1"', "not '1'"),
        ('[sampling]\ntop_p = "none"', "not 'none'"),
        ("repack = 1", "repack takes true or false, not 1"),
        ("show_thinking = 0", "takes true, false or auto"),
        ("system = 3", "system takes text, not 3"),
        ('system = ["a"]', "not a list"),
        ("model = 2026-11-22", "not a date or time"),
        ('effort = "hgh"', "Did you mean high?"),
        ("effort = {}", "not a table"),
        ("threads = 100000", "this machine has"),
        ('[ui]\ntheme = "dark"', "takes default, clear, light or mono, not 'dark'"),
        ("sampling = 1", "sampling is a table, not 1"),
        ("[profiles]\nfast = 1", "a profile is a table: [profiles.NAME], not 1"),
        ('[profiles]\neffort = "low"', "Or did you mean effort?"),
        ("profiles = []", "profiles are tables"),
        ("[profiles.p]\ntools = []", "there are no tools yet"),
        ("[profiles.p.profiles.q]\n", "there is no key profiles.p.profiles"),
        ('[profiles.p.sampling]\neffort = "low"', "effort stands in [profiles.p] itself"),
    ],
)
def test_what_cannot_be_set_is_told_with_its_place(text, said):
    problems = problems_of(parse(PLACE, text), {})
    assert len(problems) == 1
    assert problems[0].startswith("config.toml:")
    assert said in problems[0]


def test_all_problems_are_told_in_the_order_of_the_lines():
    text = "[profiles.b]\nx = 1\n[profiles.a]\ny = 1\n[sampling]\nz = 1\nseed = -1\n"
    lines = [problem.split(":")[1] for problem in problems_of(parse(PLACE, text), {})]
    assert lines == ["2", "4", "6", "7"]


def test_another_profile_that_is_wrong_stops_nobody():
    text = '[profiles.good]\neffort = "low"\n[profiles.bad]\neffort = "all"\n'
    assert read(text)["effort"].value == "medium"
    assert read(text, profile="good")["effort"].value == "low"
    with pytest.raises(ConfigError, match="takes low, medium, high or none, not 'all'"):
        read(text, profile="bad")


def test_the_first_of_several_problems_says_that_there_are_more():
    with pytest.raises(ConfigError, match=r"There are 2 more\.$") as raised:
        read("a = 1\nb = 2\nc = 3\n")
    assert raised.value.hint == "gptoss config check"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("TEMPERATURE", "warm"), ("SEED", "1.5"), ("STATS", "maybe"), ("THEME", "dark")],
)
def test_a_variable_that_cannot_be_is_told_by_its_name(variable, value):
    with pytest.raises(ConfigError, match=rf"^GPTOSS_{variable} takes .*, not '{value}'"):
        read("", {f"GPTOSS_{variable}": value})


def test_a_profile_that_is_not_there_is_told_with_the_nearest():
    text = "[profiles.review]\n[profiles.draft]\n"
    with pytest.raises(ConfigError, match="there is no profile reveiw") as raised:
        read(text, profile="reveiw")
    assert raised.value.hint == "--profile review"
    with pytest.raises(ConfigError, match="which GPTOSS_PROFILE names") as raised:
        read(text, {"GPTOSS_PROFILE": "zzz"})
    assert raised.value.hint == "one of review, draft"
    with pytest.raises(ConfigError, match="no profile is defined"):
        read("", profile="review")
