"""Loading by name: what works, and a sentence for each thing that does not."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

import moe_viz
from moe_viz.model import hub
from moe_viz.model.load import DEMO
from tests.tiny_models import tiny_model, token_ids

DENSE = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A whole, small model, as `save_pretrained` writes it."""
    path = tmp_path_factory.mktemp("model")
    tiny_model("mixtral").save_pretrained(path)
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(path)
    return path


@pytest.fixture
def broken(folder, tmp_path):
    """A copy of it to damage."""
    return shutil.copytree(folder, tmp_path / "broken")


def refusal(name, **options) -> str:
    with pytest.raises(moe_viz.ModelError) as caught:
        moe_viz.load(str(name), **options)
    return str(caught.value)


def test_a_saved_folder_gives_the_same_trace(folder):
    with moe_viz.load(str(folder)) as loaded, moe_viz.attach(tiny_model("mixtral")) as made:
        a, b = loaded.trace(token_ids=token_ids()), made.trace(token_ids=token_ids())
    assert (a.expert_ids == b.expert_ids).all()
    assert (a.router_logits == b.router_logits).all()


@pytest.mark.parametrize("family", ["olmoe", "qwen2_moe", "deepseek_v3", "gpt_oss", "switch_transformers"])
def test_families_load_from_a_folder(family, tmp_path):
    tiny_model(family).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(tmp_path)
    with moe_viz.load(str(tmp_path)) as loaded:
        assert loaded.trace(token_ids=token_ids()).provenance.revision is not None


def test_sharded_weights_load(tmp_path, folder):
    tiny_model("mixtral").save_pretrained(tmp_path, max_shard_size="40KB")
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    with moe_viz.load(str(tmp_path)) as sharded, moe_viz.load(str(folder)) as whole:
        a, b = sharded.trace(token_ids=token_ids()), whole.trace(token_ids=token_ids())
    assert (a.router_logits == b.router_logits).all()


def test_models_loaded_at_the_same_time_are_whole():
    with ThreadPoolExecutor(6) as pool:
        loaded = list(pool.map(lambda _: moe_viz.load("demo"), range(6)))
    traces = [model.trace("the same text") for model in loaded]
    assert all((trace.router_logits == traces[0].router_logits).all() for trace in traces)


def test_the_dtype_can_be_chosen_and_is_shown(folder):
    with moe_viz.load(str(folder), dtype="bfloat16", device="cpu") as model:
        p = model.trace(token_ids=token_ids()).provenance
    assert (p.dtype, p.device) == ("bfloat16", "cpu")
    assert "dtype 'int8' is not known" in refusal(folder, dtype="int8")


def test_no_such_model():
    for name in ("no-such-model", "", "\0", "a/b/c", "x" * 5000):
        text = refusal(name)
        assert "expected 'demo', an existing folder, or a Hugging Face hub id" in text
        assert len(text) < 500


def test_a_folder_without_a_config(tmp_path):
    assert "has no config.json" in refusal(tmp_path)


def test_a_config_that_is_no_json(broken):
    (broken / "config.json").write_text("{")
    assert "config.json cannot be read" in refusal(broken)


def test_an_unknown_architecture(broken):
    (broken / "config.json").write_text(json.dumps({"model_type": "of_tomorrow"}))
    assert "model_type 'of_tomorrow' is not known" in refusal(broken)


def test_a_model_that_needs_remote_code(broken):
    marker = broken / "ran"
    (broken / "evil.py").write_text(f"open({str(marker)!r}, 'w')")
    config = {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}}
    (broken / "config.json").write_text(json.dumps(config))
    assert "needs code of its own" in refusal(broken)
    assert not marker.exists()


def test_a_dense_model(tmp_path):
    LlamaForCausalLM(LlamaConfig(**DENSE)).save_pretrained(tmp_path)
    text = refusal(tmp_path)
    assert "llama" in text
    assert "no router" in text
    assert "choose a mixture-of-experts model" in text


def test_pickled_weights_are_never_opened(broken):
    (broken / "model.safetensors").unlink()
    torch.save({"w": torch.zeros(1)}, broken / "pytorch_model.bin")
    assert "pickled weights only" in refusal(broken)


def test_missing_weights(broken):
    (broken / "model.safetensors").unlink()
    assert "model.safetensors is missing" in refusal(broken)


@pytest.mark.parametrize("kept", [0, 4, 1000, 0.5, 0.999])
def test_truncated_weights(broken, kept):
    file = broken / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    assert "damaged or cut off" in refusal(broken)


def test_weights_that_would_be_random_are_refused(broken):
    config = json.loads((broken / "config.json").read_text())
    config["num_hidden_layers"] += 1
    (broken / "config.json").write_text(json.dumps(config))
    assert "they would be random" in refusal(broken)


def test_an_index_that_points_outside_its_folder(broken):
    outside = broken.parent / "outside.safetensors"
    shutil.move(broken / "model.safetensors", outside)
    index = {"weight_map": {"lm_head.weight": "../outside.safetensors"}}
    (broken / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "outside.safetensors is missing" in refusal(broken)


def test_a_tokenizer_that_cannot_be_read(broken):
    (broken / "tokenizer.json").write_text("{}")
    assert "no tokenizer that can be read" in refusal(broken)


class FakeHub:
    """The hub's answers for one model whose files lie in a folder."""

    def __init__(self, folder, files=None):
        self.folder, self.asked = folder, []
        self.files = files if files is not None else [p.name for p in folder.iterdir()]

    def model_info(self, _name, revision=None):
        names = [type("Sibling", (), {"rfilename": name}) for name in self.files]
        return type("Info", (), {"sha": "c0ffee", "siblings": names})

    def snapshot_download(self, _name, *, revision=None, allow_patterns=None, local_files_only=False):
        self.asked.append((revision, allow_patterns))
        return str(self.folder)


@pytest.fixture
def on_hub(monkeypatch):
    def install(folder, files=None):
        fake = FakeHub(folder, files)
        monkeypatch.setattr(hub, "HfApi", lambda: fake)
        monkeypatch.setattr(hub, "snapshot_download", fake.snapshot_download)
        return fake

    return install


def test_a_hub_model_is_fetched_at_one_commit_and_without_pickles(folder, on_hub):
    fake = on_hub(folder)
    with moe_viz.load("someone/moe", revision="main") as model:
        assert model.trace(token_ids=token_ids()).provenance.revision == folder.name
    assert {revision for revision, _ in fake.asked} == {"c0ffee"}
    assert all(p.endswith((".json", ".txt", ".model", ".jinja", ".safetensors")) for _, ps in fake.asked for p in ps)


def test_a_dense_hub_model_is_refused_before_its_weights_are_fetched(tmp_path, on_hub):
    LlamaConfig(**DENSE).save_pretrained(tmp_path)
    fake = on_hub(tmp_path, ["config.json", "model.safetensors"])
    assert "no router" in refusal("someone/dense")
    assert all("*.safetensors" not in patterns for _, patterns in fake.asked)


def test_a_hub_model_with_pickles_only_is_refused_before_anything_is_fetched(folder, on_hub):
    fake = on_hub(folder, ["config.json", "pytorch_model.bin"])
    assert "pickled weights only" in refusal("someone/old")
    assert not fake.asked


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RepositoryNotFoundError, "there is no model 'some/one' on the Hugging Face hub"),
        (GatedRepoError, "asks for its terms to be accepted"),
    ],
)
def test_what_the_hub_refuses_is_said(error, sentence, monkeypatch, on_hub, folder):
    fake = on_hub(folder)

    def refuse(*_args, **_kwargs):
        raise error.__new__(error)

    monkeypatch.setattr(fake, "model_info", refuse, raising=False)
    assert sentence in refusal("some/one")


def test_without_a_network_and_a_cached_copy(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert "cannot be reached, and some/one is not in this machine's cache" in refusal("some/one")
