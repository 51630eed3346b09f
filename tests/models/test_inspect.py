"""What a model is can be told from its header, here or on the hub, in the numbers of its card."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gptoss_cli.errors import DownloadError, ModelFileError
from gptoss_cli.models import remote_header
from gptoss_cli.models.choice import WeightSet, choose
from gptoss_cli.models.gguf import TensorInfo
from gptoss_cli.models.hub.repositories import repository
from gptoss_cli.models.inspect import describe
from gptoss_cli.models.names import HubModel
from gptoss_cli.models.registry import DEMO_FILE
from gptoss_cli.models.remote_header import read_remote_headers
from gptoss_cli.models.settings import HubSettings
from gptoss_cli.models.transfer.fetch import Policy
from gptoss_cli.models.transfer.remote import Timeouts
from gptoss_cli.models.weights import read_headers
from tests.support.hub import FakeHub, Fault

REPO = "org/gpt-oss-20b-GGUF"
CONTENT = DEMO_FILE.read_bytes()
POLICY = Policy(backoff_s=0.01, timeouts=Timeouts(connect_s=2, read_s=0.3))


def remote_headers(hub: FakeHub):
    settings = HubSettings(cache_folder=Path("/nowhere"), endpoint=hub.endpoint)
    found = repository(HubModel(REPO), settings)
    weights = choose(HubModel(REPO), found.files)
    assert isinstance(weights, WeightSet)
    return read_remote_headers(HubModel(REPO), found, weights, settings, headers={}, policy=POLICY)


@pytest.fixture
def small_steps(monkeypatch):
    """The header of the embedded model in several ranges, as that of a large one may need."""
    monkeypatch.setattr(remote_header, "_FIRST_BYTES", 1000)


def test_the_embedded_model_describes_itself():
    told = describe(read_headers(DEMO_FILE))
    assert told.architecture == "gpt-oss"
    assert told.quantization[0] == ("experts", "MXFP4")
    assert told.tokenizer == "gpt2 (gpt-4o), 2,048 tokens"
    assert told.parts[0].size_bytes == len(CONTENT)
    template = read_headers(DEMO_FILE)[0].metadata["tokenizer.chat_template"]
    assert told.template_sha256 == hashlib.sha256(template.encode()).hexdigest()
    assert 0 < told.active_parameters < told.parameters


def test_parameters_of_the_20b_are_those_of_its_card():
    """20.9 billion, 3.6 of them active: arXiv 2508.10925, table 1."""
    from gptoss_cli.models import inspect
    from gptoss_cli.models.weights import _expected
    from tests.support.shapes import MODEL_20B, SHAPE_20B

    tensors = [TensorInfo(n, s, "F32", 0, 4) for n, s in _expected(SHAPE_20B, 201_088)]
    everything = sum(map(inspect._elements, tensors))
    active = inspect._active_parameters(MODEL_20B, tensors)
    assert round(everything / 1e9, 2) == 20.91
    assert round(active / 1e9, 2) == 3.61


def test_a_model_on_the_hub_is_described_without_downloading_it(hub, small_steps):
    padding = bytes(3_000_000)
    hub.add(REPO, {"gpt-oss-20b-mxfp4.gguf": CONTENT + padding})
    headers = remote_headers(hub)
    local = read_headers(DEMO_FILE)
    assert describe(headers).parameters == describe(local).parameters
    assert headers[0].metadata == local[0].metadata
    assert hub.sent("storage") < len(CONTENT) // 2


@pytest.mark.parametrize(
    "fault",
    [Fault(cut_at=500), Fault(status=500), Fault(status=503, retry_after="0")],
    ids=["cut", "500", "503"],
)
def test_what_passes_is_asked_again(hub, small_steps, fault):
    hub.add(REPO, {"gpt-oss-20b-mxfp4.gguf": CONTENT})
    hub.fail("*.gguf", fault, times=1, where="storage")
    assert describe(remote_headers(hub)).architecture == "gpt-oss"


def test_what_does_not_pass_is_an_error(hub):
    hub.add(REPO, {"gpt-oss-20b-mxfp4.gguf": CONTENT})
    hub.fail("*.gguf", Fault(status=500), where="storage")
    with pytest.raises(DownloadError, match="cannot be read"):
        remote_headers(hub)


@pytest.mark.parametrize("content", [b"", b"GGUF", b"<html>", CONTENT[:4000]], ids=len)
def test_what_is_no_gguf_is_an_error(hub, small_steps, content):
    hub.add(REPO, {"gpt-oss-20b-mxfp4.gguf": content})
    with pytest.raises(ModelFileError):
        remote_headers(hub)
