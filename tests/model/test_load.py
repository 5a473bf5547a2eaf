"""Loading by name: what works, and a sentence for each thing that does not."""

from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, MixtralForCausalLM
from transformers.utils.logging import set_tqdm_hook

import moe_viz
from moe_viz.demo import FOLDER as DEMO
from tests.agreement import assert_agree
from tests.tiny_families import tiny_family
from tests.tiny_models import tiny_model, token_ids

IDS = list(range(10, 27))
LOADED = [
    *("mixtral", "olmoe", "qwen2_moe", "qwen3_moe", "qwen3_next", "deepseek_v2", "deepseek_v3", "deepseek_v4"),
    *("gpt_oss", "glm4_moe", "granitemoe", "jamba", "jetmoe", "phimoe", "minimax_m2", "switch_transformers"),
]
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


def assert_same_weights(one, other) -> None:
    """Bit for bit: what is computed with them need not be."""
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    for (name, tensor), (other_name, other_tensor) in pairs:
        assert name == other_name
        assert torch.equal(tensor, other_tensor), name


@pytest.mark.parametrize("family", LOADED)
def test_every_family_comes_back_from_a_folder(family, tmp_path):
    made = tiny_family(family)
    made.save_pretrained(tmp_path, max_shard_size="300KB")
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(tmp_path)
    narrow = type(made).from_pretrained(tmp_path, dtype=torch.bfloat16)  # transformers keeps some tensors in float32
    for dtype, hf_model in (("float32", made), ("bfloat16", narrow)):
        with moe_viz.load(str(tmp_path), dtype=dtype) as loaded, moe_viz.attach(hf_model) as kept:
            assert loaded.self_test.passed, loaded.self_test.sentence
            assert loaded.sites == kept.sites
            assert_same_weights(loaded.hf_model, hf_model)
            for a, b in zip(loaded.trace_stacks(token_ids=IDS), kept.trace_stacks(token_ids=IDS), strict=True):
                assert_agree(a, b)


def test_tied_weights_load_as_one(tmp_path):
    tiny_family("mixtral", tie_word_embeddings=True).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(tmp_path)
    with moe_viz.load(str(tmp_path)) as model:
        assert model.hf_model.lm_head.weight is model.hf_model.model.embed_tokens.weight


def test_sharded_weights_load(tmp_path, folder):
    tiny_model("mixtral").save_pretrained(tmp_path, max_shard_size="40KB")
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    with moe_viz.load(str(tmp_path)) as sharded, moe_viz.load(str(folder)) as whole:
        assert_same_weights(sharded.hf_model, whole.hf_model)
        assert_agree(sharded.trace(token_ids=token_ids()), whole.trace(token_ids=token_ids()))


def test_models_loaded_at_the_same_time_are_whole():
    with ThreadPoolExecutor(6) as pool:
        loaded = list(pool.map(lambda _: moe_viz.load("demo"), range(6)))
    traces = [model.trace("the same text") for model in loaded]
    for model, trace in zip(loaded, traces, strict=True):
        assert_same_weights(model.hf_model, loaded[0].hf_model)
        assert_agree(trace, traces[0])


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


def test_progress_is_told_in_order_and_counts_every_tensor(folder, capsys):
    steps = []
    moe_viz.load(str(folder), progress=steps.append).close()
    assert list(dict.fromkeys(step.stage for step in steps)) == ["looking", "reading weights", "checking"]
    counted = [step for step in steps if step.total is not None]
    assert [step.done for step in counted] == list(range(counted[0].total + 1))
    assert "Loading weights" not in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["looking", "reading weights", "checking"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError])
def test_a_listener_that_raises_ends_the_loading_with_what_it_raised(folder, stage, error):
    def stop(step):
        if step.stage == stage and (step.total is None or step.done == 3):
            raise error("stop")

    with pytest.raises(error, match="stop"):
        moe_viz.load(str(folder), progress=stop)
    assert set_tqdm_hook(None) is None, "the hook for progress is left behind"
    moe_viz.load(str(folder)).close()


def test_models_loaded_at_the_same_time_each_tell_their_own_progress(folder):
    told = [[], []]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda steps: moe_viz.load(str(folder), progress=steps.append), told))
    for steps in told:
        counted = [step for step in steps if step.total is not None]
        assert [step.done for step in counted] == list(range(counted[0].total + 1))


def test_what_another_thread_reads_is_not_told(folder):
    steps = []

    def listen(step):
        steps.append(step)
        if [one.done for one in steps].count(3) == 1 and step.done == 3:
            other = threading.Thread(target=MixtralForCausalLM.from_pretrained, args=[folder])
            other.start()
            other.join()

    moe_viz.load(str(folder), progress=listen).close()
    counted = [step for step in steps if step.total is not None]
    assert [step.done for step in counted] == list(range(counted[0].total + 1))


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("cuda:99", "there is no device 'cuda:99' here: this machine has"),
        ("tpu", "device 'tpu' is not known: expected 'cpu', 'cuda'"),
        ("", "device '' is not known"),
        ("meta", "there is no device 'meta' here"),
    ],
)
def test_a_device_that_is_not_there(folder, device, sentence):
    assert sentence in refusal(folder, device=device)
