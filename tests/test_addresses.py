"""No password in an address reaches a screen or a prompt."""

from __future__ import annotations

import pytest

from gptoss_cli.addresses import without_login


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://u:p@host/a@b", "http://host/a@b"),
        ("http://u:p@ss@host", "http://host"),
        ("http://u:p/w@host:9/x", "http://host:9/x"),
        ("http://u:p?w@host", "http://host"),
        ("https://user:pa@ss@host/x@y?z@", "https://host/x@y?z@"),
        ("http://u:secret@[broken/x", "http://[broken/x"),
        ("https://host/org/repo@v1/a.gguf", "https://host/org/repo@v1/a.gguf"),
        ("org/repo@v1", "org/repo@v1"),
    ],
)
def test_no_part_of_a_password_is_shown(address, shown):
    assert without_login(address) == shown
