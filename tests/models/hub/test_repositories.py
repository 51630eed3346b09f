"""What the hub says of a repository, and what a person reads when it refuses or fails."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gptoss_cli.errors import DownloadError, GptossError, RefusedError, UsageError
from gptoss_cli.models.choice import WeightSet, choose
from gptoss_cli.models.hub import repositories as hub_module
from gptoss_cli.models.hub.errors import no_access
from gptoss_cli.models.hub.repositories import (
    Repository,
    headers_for,
    https_only,
    remote_file,
    repository,
    search,
    token_of,
)
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.settings import HubSettings
from tests.support.hub import GATED, LOGGED_OUT, LOOP, FakeHub, Fault

REPO = "org/gpt-oss-20b-GGUF"
MODEL = HubModel(REPO)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are repeated without the wait that a person's network needs."""
    monkeypatch.setattr(hub_module, "_PAUSES_S", (0.0, 0.0, 0.0))


def settings(hub: FakeHub | str, **options: Any) -> HubSettings:
    endpoint = hub if isinstance(hub, str) else hub.endpoint
    return HubSettings(cache_folder=Path("/nowhere"), endpoint=endpoint, **options)


def refusal(hub: FakeHub | str, model: HubModel = MODEL, **options: Any) -> GptossError:
    with pytest.raises(GptossError) as error:
        repository(model, settings(hub, **options))
    assert error.value.hint
    return error.value


def test_a_repository_tells_its_commit_and_its_files(hub):
    old = hub.add(REPO, {"old.gguf": b"GGUF"}, revision="v1")
    files = {"gpt-oss-20b-mxfp4.gguf": b"GGUF" * 100, "README.md": b"read me"}
    commit = hub.add(REPO, files, tags=["gguf", "license:apache-2.0"])
    told = repository(MODEL, settings(hub))
    assert (told.repo_id, told.revision, told.commit) == (REPO, "main", commit)
    assert (told.gated, told.license, told.modified) == (False, "apache-2.0", "2025-08-06")
    readme, weights = sorted(told.files, key=lambda file: file.path)
    stored = hub.file(REPO, weights.path)
    assert (weights.size_bytes, weights.sha256, weights.etag) == (400, stored.sha256, stored.sha256)
    assert (readme.size_bytes, readme.sha256) == (7, None)
    assert readme.etag == hub.file(REPO, "README.md").blob_id
    assert isinstance(choose(MODEL, told.files), WeightSet)
    assert repository(HubModel(REPO, "v1"), settings(hub)).commit == old
    assert repository(HubModel(REPO, old), settings(hub)).files[0].path == "old.gguf"


def test_a_file_is_fetched_by_its_commit_with_a_name_that_an_address_can_hold(hub):
    hub.add(REPO, {"a b/weights #1?.gguf": b"GGUF"})
    told = repository(MODEL, settings(hub))
    remote = remote_file(told, told.files[0], settings(hub))
    assert told.commit in remote.url
    assert httpx2.get(remote.url, follow_redirects=True).content == b"GGUF"
    assert headers_for("hf_mine")["authorization"] == "Bearer hf_mine"


def test_a_name_in_another_case_is_the_repository_s_own(hub):
    hub.add(REPO, {"a.gguf": b"GGUF"}, id=REPO.upper())
    assert repository(MODEL, settings(hub)).repo_id == REPO.upper()
    hub.add(REPO, {"a.gguf": b"GGUF"}, id="../../evil")
    assert repository(MODEL, settings(hub)).repo_id == REPO


def test_a_token_goes_to_the_hub_and_to_nobody_it_sends_us_to(hub):
    hub.add(REPO, {"a.gguf": b"GGUF"}, token="hf_mine")
    assert repository(MODEL, settings(hub, token="hf_mine")).commit
    assert hub.requests[-1].headers["authorization"] == "Bearer hf_mine"
    hub.fail("/api/models/*", Fault(redirect_to=f"{hub.address('storage')}/x/y"), where="hub")
    refusal(hub, token="hf_mine")
    elsewhere = [request for request in hub.requests if request.where == "storage"]
    assert elsewhere
    assert not any("authorization" in request.headers for request in elsewhere)


def test_no_token_is_sent_that_was_not_meant_to_be(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
    hub.add(REPO, {"a.gguf": b"GGUF"})
    repository(MODEL, settings(hub))
    assert "authorization" not in hub.requests[-1].headers


def test_the_token_of_who_is_logged_in(hub, tmp_path):
    path = tmp_path / "token"
    assert token_of(settings(hub, token_path=path)) is None
    path.write_text("hf_mine\n")
    assert token_of(settings(hub, token_path=path)) == "hf_mine"
    assert token_of(settings(hub, token_path=path, token="hf_other")) == "hf_other"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DownloadError, match="cannot be read") as error:
        token_of(settings(hub, token_path=path))
    assert error.value.hint == "hf auth login"
    with pytest.raises(DownloadError, match="HF_TOKEN holds characters"):
        token_of(settings(hub, token="hf_\u2026"))


def test_a_repository_that_does_not_exist_leads_to_those_that_do(hub):
    hub.add("someone/gpt-oss-20b-heretic-GGUF", {"a.gguf": b"GGUF"})
    error = refusal(hub, HubModel("someone/gpt-oss-20b-hertic-GGUF"))
    assert isinstance(error, RefusedError)
    assert error.status == 401  # so the hub answers who is not logged in
    assert "someone/gpt-oss-20b-heretic-GGUF" in error.hint
    assert "hf auth login" in error.hint
    assert "20b" in refusal(hub, HubModel("ggml-org/gpt-oss-20b-GUFF")).hint
    hub.tokens.add("hf_mine")
    error = refusal(hub, HubModel("someone/else"), token="hf_mine")
    assert isinstance(error, RefusedError)
    assert (error.status, error.code) == (404, "RepoNotFound")
    assert "log" not in error.hint


def test_a_repository_that_is_hidden_is_not_said_to_be_meant_instead(hub):
    hub.add("ggml-org/gpt-oss-20b-GGUF", {"a.gguf": b"GGUF"})
    hub.fail("/api/models/ggml-org/*", LOGGED_OUT)
    error = refusal(hub, HubModel("ggml-org/gpt-oss-20b-GGUF"))
    assert "or hides it" in str(error)
    assert "20b" not in error.hint
    assert "hf auth login" in error.hint


@pytest.mark.parametrize(
    "endpoint",
    ["http://[::1", "http://u:p/w@127.0.0.1:9", "http://host:99999", "http://", "ftp://host"],
)
def test_an_endpoint_that_is_no_address_is_a_usage_error(hub, endpoint):
    options = replace(settings(hub), endpoint=endpoint)
    for ask in (lambda: repository(MODEL, options), lambda: search("x", options)):
        with pytest.raises(UsageError, match="HF_ENDPOINT is no address") as error:
            ask()
        assert "p/w" not in str(error.value)


def test_a_revision_that_does_not_exist(hub):
    hub.add(REPO, {"a.gguf": b"GGUF"})
    error = refusal(hub, HubModel(REPO, "v9"))
    assert "no revision v9" in str(error)
    assert error.hint == f"gptoss pull {REPO}"


def test_gated_and_forbidden_repositories_say_what_to_do(hub):
    hub.add(REPO, {"a.gguf": b"GGUF"}, gated=True)
    assert repository(MODEL, settings(hub)).gated  # the list can be read, the files cannot
    hub.tokens.add("hf_mine")
    hub.fail("/api/models/*", GATED)
    anonymous, known = refusal(hub), refusal(hub, token="hf_mine")
    assert f"agree at {hub.endpoint}/{REPO}, then: hf auth login" in anonymous.hint
    assert "no access" in str(known)
    assert f"{hub.endpoint}/{REPO}" in known.hint
    hub.fail("/api/models/*", Fault(status=403, error_message="\x1b[2Jyou are hacked"))
    forbidden = refusal(hub, token="hf_mine")
    assert "may not be read with this token" in str(forbidden)
    assert "hacked" not in str(forbidden) + forbidden.hint


def test_a_file_that_is_refused_is_explained_like_its_repository(hub):
    """The transfer knows the status and the hub's code only."""
    options = settings(hub)
    sentence, hint = no_access(403, "GatedRepo", options, MODEL, has_token=False)
    assert REPO in sentence
    assert "agree at" in hint
    sentence, hint = no_access(404, "EntryNotFound", options, MODEL, has_token=False)
    assert "this file no more" in sentence
    assert hint == f"gptoss pull {REPO}"


def test_a_token_the_hub_does_not_know(hub, tmp_path):
    hub.add(REPO, {"a.gguf": b"GGUF"})
    error = refusal(hub, token="hf_expired")
    assert "the hub does not know the token" in str(error)
    assert "HF_TOKEN" in error.hint  # it goes before every login
    logged_in = tmp_path / "token"
    logged_in.write_text("hf_expired")
    assert refusal(hub, token_path=logged_in).hint == "hf auth login"
    with pytest.raises(RefusedError, match="token"):
        search("gpt-oss", settings(hub, token="hf_expired"))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=503, retry_after="0"),
        Fault(status=429, retry_after="0"),
        Fault(status=408),
    ],
)
def test_what_passes_is_asked_again(hub, fault):
    hub.add(REPO, {"a.gguf": b"GGUF"})
    hub.fail("/api/models/*", fault, times=3)
    assert repository(MODEL, settings(hub)).files


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        (Fault(status=500), "out of order (500)", "later"),
        (Fault(status=429, retry_after="3600"), "too often", "in 60 minutes"),
        (Fault(status=429), "too often", "in a few minutes"),
        (Fault(status=418), "refuses (418)", "HF_ENDPOINT"),
        (Fault(status=200), "does not answer as the hub does", "log in to this network"),
        (LOOP, "cannot be reached", "network"),
    ],
)
def test_what_does_not_pass_is_told(hub, fault, message, hint):
    hub.add(REPO, {"a.gguf": b"GGUF"})
    hub.fail("/api/models/*", fault)
    error = refusal(hub)
    assert isinstance(error, DownloadError)
    assert message in str(error)
    assert hint in error.hint


@pytest.mark.parametrize(
    "details",
    [
        {"siblings": None},
        {"siblings": [{"rfilename": "a.gguf"}]},
        {"siblings": [{"rfilename": "a.gguf", "size": -1}]},
        {"siblings": [{"rfilename": 7, "size": 1}]},
        {"siblings": [{"size": 1}]},
        {"siblings": "a.gguf"},
        {"sha": "../../evil"},
        {"sha": None},
        {"lastModified": "yesterday"},
        {"tags": [7]},
    ],
)
def test_answers_that_are_not_the_hub_s_are_an_error_and_no_crash(hub, details):
    hub.add(REPO, {"a.gguf": b"GGUF"}, **details)
    assert "does not answer as the hub does" in str(refusal(hub))


def test_a_hash_that_is_none_is_not_taken_for_one(hub):
    lfs = {"size": 4, "sha256": "../evil", "pointerSize": 100}
    sibling = {"rfilename": "a.gguf", "size": 4, "blobId": "b" * 40, "lfs": lfs}
    hub.add(REPO, {"a.gguf": b"GGUF"}, siblings=[sibling])
    (file,) = repository(MODEL, settings(hub)).files
    assert (file.sha256, file.etag) == (None, "b" * 40)


def test_a_hub_that_does_not_answer_and_one_that_is_not_there(monkeypatch):
    monkeypatch.setattr(hub_module, "TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "does not answer" in str(refusal(address))
    error = refusal(address)
    assert "cannot be reached" in str(error)
    assert "works without it" in error.hint


def test_offline_means_that_nothing_is_asked(hub):
    hub.add(REPO, {"a.gguf": b"GGUF"})
    assert "HF_HUB_OFFLINE" in str(refusal(hub, offline=True))
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        search("gpt-oss", settings(hub, offline=True))
    assert not hub.requests


@pytest.mark.parametrize("endpoint", ["", "huggingface.co", "ftp://huggingface.co", "http://", "x"])
def test_an_endpoint_that_is_no_address(endpoint):
    assert isinstance(refusal(endpoint), UsageError)


def test_a_redirect_out_of_https_is_refused():
    https_only(httpx2.Request("GET", "https://huggingface.co/api/models"))
    with pytest.raises(DownloadError, match="without https"):
        https_only(httpx2.Request("GET", "http://huggingface.co/api/models"))


def test_a_search_finds_gguf_of_gpt_oss_the_most_downloaded_first(hub):
    gguf = {"gguf": {"architecture": "gpt-oss"}}
    hub.add("a/gpt-oss-20b-GGUF", {"a.gguf": b""}, downloads=5, likes=2, **gguf)
    hub.add("b/gpt-oss-heretic-GGUF", {"a.gguf": b""}, downloads=9, gated=True, **gguf)
    hub.add("c/GPT_OSS-old-GGUF", {"a.gguf": b""})
    hub.add("d/gpt-oss-in-name-only", {"a.gguf": b""}, gguf={"architecture": "qwen3"})
    hub.add("e/llama-GGUF", {"a.gguf": b""})
    found = search("", settings(hub))
    assert [result.repo_id for result in found] == ["b/gpt-oss-heretic-GGUF", "a/gpt-oss-20b-GGUF"]
    assert (found[0].downloads, found[0].gated, found[1].likes) == (9, True, 2)
    assert [result.repo_id for result in search("OLD", settings(hub))] == ["c/GPT_OSS-old-GGUF"]
    assert len(search("gguf", settings(hub), limit=1)) == 1
    assert hub.requests[-1].query["filter"] == ["gguf"]
    assert search("nothing like it", settings(hub)) == ()


def test_only_one_question_goes_to_the_hub_and_nothing_about_this_machine(hub):
    hub.add(REPO, {"a.gguf": b"GGUF"})
    assert isinstance(repository(MODEL, settings(hub)), Repository)
    (request,) = hub.requests
    assert request.headers["user-agent"].startswith("gptoss/")
    assert "torch" not in request.headers["user-agent"]
