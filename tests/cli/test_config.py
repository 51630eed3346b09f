"""``gptoss config``, and what a configuration does to ``run`` and ``chat``: on real files."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gptoss_cli.config.keys import KEYS
from gptoss_cli.config.paths import CONFIG_VARIABLE
from gptoss_cli.errors import UsageError
from tests.cli.completion.test_answer import completed
from tests.support.chat import ChatTerminal
from tests.support.program import COMMAND, ROOT, Done, gptoss
from tests.support.screen import Terminal

SUM = "What is 47 + 85?"
ANSWER = "47 + 85 = 132\n"
SURE = 'model = "demo"\n[sampling]\ntemperature = 0\n'


@pytest.fixture
def file(home: Path) -> Path:
    """Where the configuration of this test's user is; the file is not there yet."""
    path = home / ".config" / "gptoss" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def refused(done: Done, *said: str) -> None:
    assert done.exit_code == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    for text in said:
        assert text in done.stderr


def test_run_does_what_is_configured_unless_an_option_says_otherwise(file):
    file.write_text(SURE + "[profiles.loud]\nstats = true\nshow_thinking = true\n")
    assert gptoss("run", SUM) == Done(ANSWER, "", 0)
    loud = gptoss("run", "--profile", "loud", SUM)
    assert loud.stdout == ANSWER
    assert "tok/s" in loud.stderr
    assert "carry" in loud.stderr
    quiet = gptoss("run", "--profile", "loud", "--no-stats", "--hide-thinking", SUM)
    assert quiet == Done(ANSWER, "", 0)
    quiet = gptoss("run", "--profile", "loud", SUM, env={"GPTOSS_STATS": "no"})
    assert "tok/s" not in quiet.stderr
    refused(gptoss("run", "--profile", "lod", SUM), "no profile lod", "--profile loud")


def test_a_variable_is_enough(home):
    env = {"GPTOSS_MODEL": "demo", "GPTOSS_TEMPERATURE": "0", "GPTOSS_MAX_TOKENS": "5"}
    assert gptoss("run", SUM, env=env).exit_code == 6
    assert gptoss("run", "--max-tokens", "500", SUM, env=env) == Done(ANSWER, "", 0)
    refused(gptoss("run", SUM, env=env | {"GPTOSS_SEED": "x"}), "GPTOSS_SEED takes")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"effort = \n", "config.toml:1:10: this is no TOML"),
        (b"# \xc0\xc7\n", "config.toml:1: this is not UTF-8"),
        (b"\n[sampling]\nseed = true\n", "config.toml:3: sampling.seed takes a whole number"),
        (b"tempreature = 1", "Did you mean sampling.temperature?"),
        (b"a = " + b"[" * 5000, "nested too deep"),
        (b"a = " + b"9" * 5000, "a number that is too long"),
        (b"#" * 300_000, "larger than 256 KiB"),
        (b'\x1b[2J = "a"', "config.toml:1:1: this is no TOML"),
    ],
    ids=["syntax", "encoding", "type", "name", "deep", "number", "huge", "escape"],
)
def test_a_file_that_cannot_be_used_stops_run_and_not_what_mends_it(file, content, said):
    file.write_bytes(content)
    refused(gptoss("run", "-m", "demo", "hi"), said, "  try: ")
    check = gptoss("config", "check")
    assert check.exit_code == 2
    assert said in check.stdout
    assert "\x1b" not in check.stdout
    assert gptoss("config", "path").stdout == f"{file}\n"


def test_what_needs_no_configuration_does_not_mind_a_damaged_one(file):
    file.write_text("= no")
    for arguments in (["models", "ls"], ["sessions", "ls"], ["--help"], ["run", "--help"]):
        assert gptoss(*arguments).exit_code == 0
    assert completed("run --profile ") == ["nothing"]


def test_what_is_no_file_is_told(file, tmp_path):
    file.mkdir()
    refused(gptoss("run", "hi"), "is a folder")
    refused(gptoss("config", "set", "effort", "low"), "is a folder")
    os.mkfifo(tmp_path / "pipe")
    refused(gptoss("run", "hi", env={CONFIG_VARIABLE: str(tmp_path / "pipe")}), "no regular file")
    assert gptoss("config", env={CONFIG_VARIABLE: "/dev/null"}).exit_code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(file):
    file.write_text(SURE)
    file.chmod(0)
    refused(gptoss("run", "hi"), "cannot be read")


def test_without_a_home_there_is_nothing_to_keep_it_in(monkeypatch):
    from gptoss_cli.cli.config import source
    from gptoss_cli.cli.config.changing import keep
    from gptoss_cli.config.paths import Paths

    state, data, config, cache = map(Path, ("~/state", "~/data", "~/config", "~/cache"))
    here = Paths(state=state, data=data, config=config, cache=cache)
    monkeypatch.setattr(source, "user_paths", lambda: here)
    assert source.configured()["effort"].value == "medium"
    with pytest.raises(UsageError, match="no home folder"):
        keep(("effort",), "low")


def test_show_tells_where_each_value_comes_from(file):
    file.write_text('effort = "low"\n[sampling]\nseed = 1\n[profiles.p.sampling]\ntop_k = 9\n')
    show = ("config", "show", "--profile", "p")
    env = {"GPTOSS_TOP_P": "0.5"}
    rows = [line.split("\t") for line in gptoss(*show, "--origin", env=env).stdout.splitlines()]
    assert [row[0] for row in rows] == [key.full_name for key in KEYS]
    origins = {key: (value, origin) for key, value, origin in rows}
    assert origins["effort"] == ("low", f"{file}:1")
    assert origins["sampling.seed"] == ("1", f"{file}:3")
    assert origins["sampling.top_k"] == ("9", f"profile p, {file}:5")
    assert origins["sampling.top_p"] == ("0.5", "GPTOSS_TOP_P")
    assert origins["stats"] == ("false", "default")
    content = json.loads(gptoss(*show, "--json", env=env).stdout)
    assert (content["version"], content["path"], content["profile"]) == (1, str(file), "p")
    by_key = {setting.pop("key"): setting for setting in content["settings"]}
    assert by_key["sampling.top_p"] == {
        "value": 0.5,
        "origin": "environment",
        "line": None,
        "variable": "GPTOSS_TOP_P",
    }
    assert by_key["sampling.top_k"]["line"] == 5
    assert gptoss("config").stdout == gptoss("config", "show").stdout


def test_what_is_set_is_what_get_says_and_run_does(file):
    for key, value in [("model", "demo"), ("temperature", "0"), ("max-tokens", "500")]:
        assert gptoss("config", "set", key, value).exit_code == 0
    assert gptoss("run", SUM) == Done(ANSWER, "", 0)
    text = "둘째 줄\n한국어로 답해."
    gptoss("config", "set", "profiles.짧게.system", text)
    assert gptoss("config", "get", "profiles.짧게.system").stdout == text + "\n"
    assert gptoss("config", "get", "system", "--profile", "짧게").stdout == text + "\n"
    assert gptoss("config", "get", "system").stdout == "\n"
    assert gptoss("config", "get", "sampling.seed").stdout == "none\n"
    assert file.stat().st_mode & 0o777 == 0o600
    gptoss("config", "unset", "sampling.max_tokens")
    assert gptoss("config", "get", "max_tokens").stdout == "none\n"
    assert "was not set" in gptoss("config", "unset", "max_tokens").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set", "sead", "1"], "did you mean sampling.seed?"),
        (["set", "profiles.p.sead", "1"], "did you mean profiles.p.sampling.seed?"),
        (["set", "profiles.p", "1"], "a table of them"),
        (["set", "seed", "one"], "sampling.seed takes a whole number"),
        (["set", "effort", "hgh"], "Did you mean high?"),
        (["set", "system", os.fsdecode(b"\xc0")], "system takes text"),
        (["get", "nothing-like-it"], "gptoss config show"),
        (["unset", "temprature"], "did you mean sampling.temperature?"),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_is_written(file, arguments, said):
    refused(gptoss("config", *arguments), said)
    assert list(file.parent.iterdir()) == []


def test_set_tells_of_a_variable_that_comes_before_it(file):
    done = gptoss("config", "set", "effort", "low", env={"GPTOSS_EFFORT": "high"})
    assert "GPTOSS_EFFORT is set, and comes before the file" in done.stderr


def test_a_link_stays_a_link_and_the_file_keeps_its_permissions(file, tmp_path):
    target = tmp_path / "dotfiles.toml"
    target.write_text(SURE)
    target.chmod(0o640)
    file.symlink_to(target)
    gptoss("config", "set", "effort", "low")
    assert file.readlink() == target
    assert target.read_text() == SURE.replace("[samp", 'effort = "low"\n[samp')
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_nobody_may_write_is_left_alone(file):
    file.write_text(SURE)
    file.chmod(0o444)
    done = gptoss("config", "set", "effort", "low")
    assert done.exit_code == 1
    assert "read-only" in done.stderr
    assert file.read_text() == SURE


def test_a_file_that_is_damaged_is_not_written(file):
    file.write_text("effort = \n")
    refused(gptoss("config", "set", "effort", "low"), "this is no TOML")
    assert file.read_text() == "effort = \n"


def test_many_programs_that_set_at_once_lose_nothing(file):
    names = [f"profiles.p{i}.seed" for i in range(8)]
    running = [
        subprocess.Popen([*COMMAND, "config", "set", name, "1"], cwd=ROOT, stderr=subprocess.PIPE)
        for name in names
    ]
    assert [process.wait(60) for process in running] == [0] * 8
    for process in running:
        process.stderr.close()
    assert file.read_text().count("seed = 1") == 8


def editor(folder: Path, program: str) -> dict[str, str]:
    """An editor that runs the Python `program`, in which `path` is the file."""
    script = folder / "my editor.py"
    script.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{program}")
    return {"VISUAL": f'"{sys.executable}" "{script}"'}


def test_a_first_edit_begins_with_all_keys_and_sets_none(file, tmp_path):
    change = (
        "path.write_text(path.read_text().replace('# effort = \"medium\"', 'effort = \"low\"'))"
    )
    done = gptoss("config", "edit", env=editor(tmp_path, change))
    assert done.exit_code == 0, done.stderr
    assert gptoss("config", "get", "effort").stdout == "low\n"
    for key in KEYS:
        assert f"{key.name} = " in file.read_text()


def test_a_first_edit_that_changes_nothing_leaves_no_file(file, tmp_path):
    for program in ("", "sys.exit(1)"):
        gptoss("config", "edit", env=editor(tmp_path, program))
        assert not file.exists()
    refused(gptoss("config", "edit", env={"VISUAL": "/no/such/editor"}), "there is no editor")
    refused(gptoss("config", "edit", env={"VISUAL": "", "EDITOR": ""}), "needs a terminal")
    assert not file.exists()


def test_the_example_without_its_marks_is_a_whole_configuration(file, tmp_path):
    gptoss("config", "edit", env=editor(tmp_path, "path.open('a').write('#\\n')"))
    lines = file.read_text().splitlines()
    text = "\n".join(
        line.removeprefix("# ") for line in lines if " = " in line or line.startswith("# [")
    )
    file.write_text(text)
    assert gptoss("config", "check") == Done("", f"nothing is wrong in {file}.\n", 0)


def test_an_edit_that_is_wrong_is_told_and_kept(file, tmp_path):
    file.write_text(SURE)
    done = gptoss("config", "edit", env=editor(tmp_path, "path.write_text('efort = 1')"))
    assert done.exit_code == 2
    assert done.stdout == f"{file}:1: there is no key efort. Did you mean effort?\n"
    assert "gptoss config edit" in done.stderr
    assert file.read_text() == "efort = 1"


def test_check_tells_all_that_is_wrong_in_all_profiles_and_variables(file):
    file.write_text('[profiles.a]\neffort = "x"\n[profiles.b.sampling]\ntop_k = -1\n')
    env = {"GPTOSS_STATS": "maybe", "GPTOSS_PROFILE": "c", "GPTOSS_TEMPRATURE": "1"}
    done = gptoss("config", "check", env=env)
    assert done.exit_code == 2
    assert len(done.stdout.splitlines()) == 4
    assert (
        "GPTOSS_TEMPRATURE means nothing to gptoss. Did you mean GPTOSS_TEMPERATURE?" in done.stderr
    )
    file.unlink()
    done = gptoss("config", "check")
    assert done.exit_code == 0
    assert "there is no file" in done.stderr


def test_keys_and_profiles_are_completed(file):
    file.write_text('[profiles.review]\neffort = "high"\n[profiles.draft]\n')
    assert completed("run --profile ") == ["review", "draft"]
    assert completed("config get sampling.t") == [
        "sampling.temperature",
        "sampling.top_p",
        "sampling.top_k",
    ]
    assert "profiles.review.effort" in completed("config set profiles.r")


def test_reading_a_file_imports_nothing_that_only_changing_it_needs(file):
    file.write_text(SURE)
    program = (
        "import sys\nfrom gptoss_cli.cli.app import run_command_line\n"
        "run_command_line(sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)"
    )
    for arguments, unwanted in [
        (["--version"], {"tomllib", "tomlkit", "filelock"}),
        (["run", "--help"], {"tomllib", "tomlkit", "filelock"}),
        (["config", "show"], {"tomlkit", "filelock"}),
    ]:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
        )
        assert unwanted.isdisjoint(done.stderr.split())


def test_the_theme_of_a_chat_is_kept_in_the_file_with_all_that_is_said_there(file):
    file.write_text("# mine\n[ui]\ntheme = 'mono'  # for e-paper\n")
    with ChatTerminal() as chat:
        assert "* mono" in chat.ask("/theme")
        assert chat.ask("/theme clear").strip() == "theme clear."
    assert file.read_text() == '# mine\n[ui]\ntheme = "clear"  # for e-paper\n'
    file.chmod(0o444)
    with ChatTerminal() as chat:
        assert "* clear" in chat.ask("/theme")
        assert "for this chat only" in chat.ask("/theme light")


def test_a_conversation_that_goes_on_keeps_its_settings_unless_the_command_line_changes_them(file):
    file.write_text('[profiles.low]\neffort = "low"\n[sessions]\nsave = true\n')
    with ChatTerminal("-e", "high", "--temperature", "0") as chat:
        chat.ask("1 + 1")
        chat.leave()
    file.write_text('effort = "low"\n[profiles.low]\neffort = "low"\n[sessions]\nsave = false\n')
    with ChatTerminal("-c", env={"GPTOSS_EFFORT": "medium"}) as chat:
        assert "effort high" in chat.ask("/stats") + chat.ask("/effort") + chat.status
        chat.ask("2 + 2")
        chat.leave()
    with ChatTerminal("-c", "--profile", "low") as chat:
        assert "2 + 2" in chat.text  # what was kept goes on to be, whatever the file says
        assert "low" in chat.ask("/effort")
        chat.leave()


def test_a_chat_is_not_kept_where_the_file_says_so(file, home):
    file.write_text("[sessions]\nsave = false\n")
    with ChatTerminal() as chat:
        chat.ask("1 + 1")
        chat.leave()
    assert not list(home.rglob("sessions.db"))
    assert not list(home.rglob("history"))


def test_a_default_that_the_file_comes_before_is_told(file, random_model):
    file.write_text('model = "demo"\n')
    assert gptoss("models", "import", random_model, "--name", "mine", "--link").exit_code == 0
    assert "the configuration sets another" in gptoss("models", "use", "mine").stderr
    file.write_text('model = "mine"\n')
    assert gptoss("models", "use", "mine").stderr == "mine is the default now.\n"


@pytest.mark.parametrize(("save", "kept"), [("true", True), ("false", False)])
def test_a_one_shot_at_a_terminal_is_kept_unless_the_file_says_no(file, home, save, kept):
    file.write_text(f"{SURE}[sessions]\nsave = {save}\n")
    with Terminal("run", SUM) as terminal:
        assert terminal.wait_for_end() == 0
    assert bool(list(home.rglob("sessions.db"))) == kept
