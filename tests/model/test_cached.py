"""What the Hugging Face cache of this machine holds, whole or damaged."""

from __future__ import annotations

import hashlib
import shutil
import time

import pytest
from huggingface_hub import constants
from transformers import LlamaConfig

import moe_viz
from moe_viz.model.checkpoints import hf_cache as cached
from tests.tiny_models import tiny_model

COMMITS = [digit * 40 for digit in "abc"]


@pytest.fixture
def cache(monkeypatch, tmp_path):
    path = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(path))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    tiny_model("mixtral").save_pretrained(path, max_shard_size="200KB")
    return path


def put(cache, name, folder, commit=COMMITS[0], ref=None):
    """Store a folder as huggingface_hub does: contents by their hash, a revision as links to them."""
    repo = cache / f"models--{name.replace('/', '--')}"
    snapshot = repo / "snapshots" / commit
    for part in (repo / "blobs", repo / "refs", snapshot):
        part.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        blob = repo / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        if not blob.exists():
            shutil.copyfile(file, blob)
        (snapshot / file.name).symlink_to(blob)
    if ref is not None:
        (repo / "refs" / ref).write_text(commit)
    return snapshot


def test_a_model_is_listed_with_its_revisions_and_size(cache, folder, tmp_path):
    put(cache, "someone/moe", folder, COMMITS[0], "v1")
    (shutil.copytree(folder, tmp_path / "newer") / "README.md").write_text("a card")
    time.sleep(0.01)
    put(cache, "someone/moe", tmp_path / "newer", COMMITS[1], "main")
    put(cache, "another/moe", folder, COMMITS[2])
    size = sum(file.stat().st_size for file in folder.iterdir())
    assert moe_viz.cached_models() == (
        moe_viz.CachedModel("another/moe", COMMITS[2], (), "mixtral", size, whole=True),
        moe_viz.CachedModel("someone/moe", COMMITS[1], ("main",), "mixtral", size + 6, whole=True),
        moe_viz.CachedModel("someone/moe", COMMITS[0], ("v1",), "mixtral", size, whole=True),
    )


@pytest.mark.parametrize("damage", ["missing", "cut off", "empty", "dangling", "index"])
def test_a_model_with_damaged_weights_is_not_whole(cache, folder, damage):
    snapshot = put(cache, "someone/moe", folder)
    file = sorted(snapshot.glob("*.safetensors"))[1]
    blob = file.resolve()
    if damage == "missing":
        file.unlink()
    elif damage == "cut off":
        blob.write_bytes(blob.read_bytes()[:-10])
    elif damage == "empty":
        blob.write_bytes(b"")
    elif damage == "dangling":
        blob.unlink()
    else:
        (snapshot / "model.safetensors.index.json").resolve().write_text("{")
    listed = moe_viz.cached_models()
    assert [model.whole for model in listed] == ([] if damage == "dangling" else [False])


def test_what_has_no_router_or_cannot_be_read_is_not_listed(cache, folder, tmp_path):
    dense = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    LlamaConfig(**dense, num_attention_heads=2).save_pretrained(tmp_path / "dense")
    for name, config in {"broken": "{", "unknown": '{"model_type": "of_tomorrow"}', "list": "[]"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(config)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "model.safetensors").write_bytes(b"no config")
    for name in ("dense", "broken", "unknown", "list", "weights"):
        put(cache, f"someone/{name}", tmp_path / name)
    put(cache, "someone/moe", folder)
    (cache / "models--no--snapshots").mkdir()
    (cache / "models--a--file").write_text("not a folder")
    (cache / "stray").write_text("")
    assert [model.name for model in moe_viz.cached_models()] == ["someone/moe"]


def test_no_cache_at_all(cache):
    assert moe_viz.cached_models() == ()
    cache.write_text("a file in its place")
    assert moe_viz.cached_models() == ()


def test_a_config_is_built_once(cache, folder, monkeypatch):
    put(cache, "someone/moe", folder)
    built = []
    original = cached.check_routed
    monkeypatch.setattr(cached, "check_routed", lambda *args: built.append(args) or original(*args))
    first = moe_viz.cached_models()
    assert moe_viz.cached_models() == first
    assert len(built) == 1
