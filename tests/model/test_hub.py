"""Fetching from a hub: real downloads from one on this machine, and what is said where it refuses or is away."""

from __future__ import annotations

import socket

import pytest
from huggingface_hub import constants
from transformers import AutoTokenizer, LlamaConfig

import moe_viz
from moe_viz.demo import FOLDER as DEMO
from moe_viz.model.load import load
from tests.agreement import assert_agree
from tests.fake_hub import COMMIT, FakeHub
from tests.tiny_models import tiny_model, token_ids

NAME = "someone/tiny-moe"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    tiny_model("mixtral").save_pretrained(path, max_shard_size="200KB")
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(path)
    (path / "README.md").write_text("a card")
    (path / "original").mkdir()
    (path / "original" / "config.json").write_text("{}")
    (path / "original" / "consolidated.safetensors").write_bytes(b"a copy in another format")
    (path / "consolidated.safetensors").write_bytes(b"another")
    return path


@pytest.fixture
def at(monkeypatch, tmp_path):
    """Send huggingface_hub to an address, with a cache of its own."""

    def send(url):
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return send


@pytest.fixture
def hub(folder, at):
    with FakeHub(NAME, folder).serving() as serving:
        at(serving.url)
        yield serving


@pytest.fixture
def gone(at):
    """No hub at all: a port that nobody listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        at(f"http://127.0.0.1:{closed.getsockname()[1]}")
        yield


def refusal(name=NAME, **options) -> str:
    with pytest.raises(moe_viz.ModelError) as caught:
        load(name, **options)
    return str(caught.value)


def weights(folder) -> list[str]:
    return sorted(path.name for path in folder.glob("model*.safetensors"))


@pytest.mark.parametrize("revision", [None, "main", "v1", COMMIT])
def test_a_model_is_downloaded_whole_at_one_commit_and_nothing_else(hub, folder, revision):
    with load(NAME, revision=revision) as model, load(str(folder)) as local:
        trace = model.trace(token_ids=token_ids())
        assert_agree(trace, local.trace(token_ids=token_ids()))
    assert trace.provenance.revision == COMMIT
    fetched = hub.fetched()
    assert len(weights(folder)) > 1
    assert sorted(file for file in fetched if file.endswith(".safetensors")) == weights(folder)
    assert {"README.md", "consolidated.safetensors"} & set(fetched) == set()
    assert fetched.count("config.json") == 1


def test_what_is_in_the_cache_is_not_fetched_again(hub):
    load(NAME).close()
    before = hub.fetched()
    steps = []
    load(NAME, progress=steps.append).close()
    assert hub.fetched() == before
    assert "downloading" not in {step.stage for step in steps}


def test_the_download_is_reported_as_it_goes(hub, folder, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)
    steps = []
    load(NAME, progress=steps.append).close()
    assert list(dict.fromkeys(step.stage for step in steps)) == [
        "looking",
        "downloading",
        "reading weights",
        "checking",
    ]
    downloading = [step for step in steps if step.stage == "downloading"]
    size = sum((folder / file).stat().st_size for file in weights(folder))
    assert {step.total for step in downloading} == {size}
    done = [step.done for step in downloading]
    assert (done[0], done[-1]) == (0, size)
    assert done == sorted(set(done))
    assert len(done) > 3


def test_a_listener_that_raises_ends_the_download_and_the_next_one_finishes_it(hub, capsys):
    class StopError(Exception):
        pass

    def stop(step):
        if step.stage == "downloading" and step.done:
            raise StopError

    with pytest.raises(StopError):
        load(NAME, progress=stop)
    load(NAME, progress=lambda _step: None).close()
    assert "Loading weights" not in capsys.readouterr().err


def test_a_listener_may_raise_what_looks_like_a_network_at_fault(hub):
    def stop(step):
        if step.stage == "downloading" and step.done:
            raise ConnectionError("the listener's own")

    with pytest.raises(ConnectionError, match="the listener's own"):
        load(NAME, progress=stop)


def test_a_download_that_breaks_off_goes_on_where_it_did(hub, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 500)
    hub.cut_after = 1000
    with load(NAME) as model:
        assert model.self_test.passed
    assert "bytes=1000-" in {wanted for _method, _path, wanted in hub.requests}


def test_a_dense_model_is_refused_before_its_weights_are_fetched(at, tmp_path):
    dense = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    LlamaConfig(**dense, num_attention_heads=2).save_pretrained(tmp_path / "dense")
    (tmp_path / "dense" / "model.safetensors").write_bytes(b"never read")
    with FakeHub("someone/dense", tmp_path / "dense").serving() as serving:
        at(serving.url)
        assert "no router" in refusal("someone/dense")
        assert serving.fetched() == ["config.json"]


def test_pickles_alone_are_refused_before_anything_is_fetched(at, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "pytorch_model.bin").write_bytes(b"never read")
    with FakeHub("someone/old", tmp_path / "old").serving() as serving:
        at(serving.url)
        assert "pickled weights only" in refusal("someone/old")
        assert not serving.fetched()


def test_a_config_alone_is_fetched_to_count_parameters_and_plan_memory(hub, folder):
    assert moe_viz.count_parameters(NAME, revision="v1") == moe_viz.count_parameters(folder)
    assert moe_viz.memory_plan(NAME, revision="v1").weights == moe_viz.memory_plan(folder).weights
    assert hub.fetched() == ["config.json"]
    assert {path for _method, path, _range in hub.requests if "/revision/" in path} == {
        f"/api/models/{NAME}/revision/v1"
    }


def test_an_unknown_revision_and_an_unknown_model(hub):
    assert f"{NAME} has no revision 'v2' on the Hugging Face hub" in refusal(revision="v2")
    assert "there is no model 'someone/else' on the Hugging Face hub" in refusal("someone/else")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "GatedRepo", "asks for its terms to be accepted"),
        (401, "RepoNotFound", "or it is private"),
        (401, "", "the Hugging Face hub refuses (401)"),
        (403, "", "the Hugging Face hub refuses (403)"),
        (429, "", "the Hugging Face hub asks to wait (429"),
        (500, "", "the Hugging Face hub has a fault (500)"),
        (503, "", "the Hugging Face hub has a fault (503)"),
    ],
)
def test_what_the_hub_refuses_is_said(hub, monkeypatch, status, code, sentence):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    hub.refusal = status, code
    assert sentence in refusal()
    with pytest.raises(moe_viz.ModelError, match=r"Hugging Face hub|terms"):
        moe_viz.count_parameters(NAME)


def test_a_hub_at_fault_is_no_hindrance_to_what_is_in_the_cache(hub, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    load(NAME).close()
    for hub.refusal in (503, ""), (429, ""):
        with load(NAME) as model:
            assert model.provenance().revision == COMMIT
        assert moe_viz.count_parameters(NAME).total


def test_without_a_network_what_is_in_the_cache_is_used_and_named(hub, monkeypatch, at):
    load(NAME, revision="v1").close()
    load(NAME).close()
    at("http://127.0.0.1:9")
    with load(NAME) as model:
        assert model.provenance().revision == COMMIT
    load(NAME, revision="v1").close()
    text = refusal("some/one")
    assert "cannot be reached" in text
    assert f"some/one is not in this machine's cache (of models that can be read it has: {NAME})" in text
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    load(NAME).close()
    text = refusal("some/one")
    assert text.startswith("HF_HUB_OFFLINE is set, so that nothing is fetched: unset it")
    assert NAME in text


def test_without_a_network_and_with_an_empty_cache(gone):
    text = refusal()
    assert "cannot be reached" in text
    assert "it has: nothing" in text
    with pytest.raises(moe_viz.ModelError, match="cannot be reached"):
        moe_viz.count_parameters(NAME)


def test_half_a_model_in_the_cache_is_said_to_be_half(hub, folder, monkeypatch):
    moe_viz.count_parameters(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "model.safetensors is missing" in refusal()
