"""The hub's variables mean here what they mean to huggingface_hub itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gptoss_cli.config.hub import hub_settings

HOME = "/home/somebody"
ENVIRONMENTS = [
    {},
    {"XDG_CACHE_HOME": "/caches"},
    {"HF_HOME": "/hf"},
    {"HF_HOME": "/hf", "XDG_CACHE_HOME": "/caches"},
    {"HUGGINGFACE_HUB_CACHE": "/old"},
    {"HF_HUB_CACHE": "/new", "HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/hf"},
    {"HF_HOME": "~/hf"},
    {"HF_HUB_CACHE": "~"},
    {"HF_HUB_CACHE": "$BIG/models/${KIND}x/$NOT_SET", "BIG": "/disk", "KIND": "y"},
    {"HF_HOME": "~/$BIG", "BIG": "disk"},
    {"XDG_CACHE_HOME": "~/caches"},
    {"HF_HOME": "relative"},
    {"HF_HOME": "~nobody-of-this-name/hf"},
    {"HF_TOKEN_PATH": "~/my token", "HF_HOME": "/hf"},
    {"HF_ENDPOINT": "https://mirror.example/", "HF_HUB_OFFLINE": "yes"},
    {"TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_SYMLINKS": "True"},
    {"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"},
    {"HF_TOKEN": " hf_a\n", "HUGGING_FACE_HUB_TOKEN": "hf_b"},
    {"HUGGING_FACE_HUB_TOKEN": "hf_b"},
    {"HF_TOKEN": "hf_a", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"},
]
# One process for all: huggingface_hub reads its variables once, when it is imported.
THEIRS = """
import importlib, json, os, sys
from huggingface_hub import constants
from huggingface_hub.utils import _headers
told = []
kept = dict(os.environ)
for environ in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(kept, **environ)
    importlib.reload(constants)
    token = _headers.get_token_to_send(None)
    told.append([constants.HF_HUB_CACHE, constants.HF_TOKEN_PATH, constants.ENDPOINT,
                 constants.HF_HUB_OFFLINE, not constants.HF_HUB_DISABLE_SYMLINKS, token])
json.dump(told, sys.stdout)
"""


def test_the_same_as_huggingface_hub_in_every_environment():
    plain = {"HOME": HOME, "PATH": os.defpath}
    done = subprocess.run(
        [sys.executable, "-c", THEIRS],
        input=json.dumps(ENVIRONMENTS),
        env=plain,
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout)
    for environ, told in zip(ENVIRONMENTS, theirs, strict=True):
        ours = hub_settings(environ, HOME)
        token_path = ours.token_path or Path(told[1])
        assert [
            str(ours.cache_folder),
            str(token_path),
            ours.endpoint,
            ours.offline,
            ours.symlinks,
            ours.token,
        ] == told, environ


@pytest.mark.parametrize("name", ["HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "HF_ENDPOINT"])
def test_a_variable_set_to_nothing_counts_as_not_set(name):
    """To huggingface_hub an empty HF_HUB_CACHE is the folder one happens to be in."""
    assert hub_settings({name: ""}, HOME) == hub_settings({}, HOME)


def test_who_wants_no_token_sent_has_none_sent():
    settings = hub_settings({"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "HF_TOKEN": "hf_a"}, HOME)
    assert settings.token is None
    assert settings.token_path is None


def test_a_token_is_not_shown_with_the_settings():
    assert "hf_secret" not in repr(hub_settings({"HF_TOKEN": "hf_secret"}, HOME))
