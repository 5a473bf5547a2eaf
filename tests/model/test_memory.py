"""What a model takes: planned before it is loaded, measured after, and the same; and where it goes."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

import moe_viz
from moe_viz.catalogue import find_model
from moe_viz.demo import FOLDER as DEMO
from moe_viz.model.checkpoints.checks import auto_class
from moe_viz.model.info import model_info
from moe_viz.model.sizes import memory, placement
from moe_viz.model.sizes.memory import resident
from tests.agreement import assert_agree
from tests.model.checks import FAMILIES
from tests.tiny_families import tiny_family
from tests.tiny_models import tiny_model

IDS = list(range(10, 27))
GB = 10**9
PLANNED = [
    *("mixtral", "deepseek_v3", "deepseek_v4", "gpt_oss", "gemma4", "inkling2", "jamba", "nemotron_h"),
    *("olmoe", "qwen3_next", "qwen3_5_moe", "longcat_flash", "doge", "dbrx", "switch_transformers"),
]


def saved(hf_model, folder):
    hf_model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def room(monkeypatch):
    """Say how much is free on this machine."""

    def say(**free):
        given = {name.replace("_", ":"): int(size) for name, size in free.items()}
        for module in (memory, placement):
            monkeypatch.setattr(module, "free_memory", lambda: {"disk": 10**12} | given)

    return say


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_bundled_model_takes_what_was_planned(dtype):
    plan = moe_viz.memory_plan("demo", device="cpu", dtype=dtype)
    with moe_viz.load("demo", device="cpu", dtype=dtype) as model:
        assert resident(model.hf_model) == dict(plan.placed) == dict(model_info(model).memory)
    parameters = moe_viz.count_parameters("demo")
    size = 4 if dtype == "float32" else 2
    assert plan.routed == size * parameters.routed
    assert 0 <= plan.weights - parameters.bytes(dtype) < 1000  # the rotary frequencies, in float32
    assert plan.parameters == parameters.total
    assert plan.fits


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", PLANNED)
def test_other_families_take_what_was_planned(family, dtype, tmp_path):
    name = saved(tiny_family(family), tmp_path)
    plan = moe_viz.memory_plan(name, dtype=dtype)
    with moe_viz.load(name, dtype=dtype) as model:
        taken = resident(model.hf_model)
        if (family, dtype) == ("switch_transformers", "bfloat16"):  # its routers turn to float32 when they first run
            taken["cpu"] -= sum(2 * p.numel() for r in model.routers for p in r.router.parameters())
    assert taken == dict(plan.placed)


def test_tied_weights_take_memory_once(tmp_path):
    apart = saved(tiny_family("mixtral"), tmp_path / "apart")
    tied = saved(tiny_family("mixtral", tie_word_embeddings=True), tmp_path / "tied")
    sizes = []
    for name in (apart, tied):
        with moe_viz.load(name) as model:
            sizes.append(resident(model.hf_model)["cpu"])
            assert moe_viz.memory_plan(name, dtype="float32").weights == sizes[-1]
    assert sizes[0] - sizes[1] == 4 * 99 * 64


def cached(hf_model, tokens) -> int:
    """Bytes of what a model keeps of a text."""
    with torch.inference_mode():
        kept = hf_model(input_ids=torch.arange(10, 10 + tokens)[None], use_cache=True).past_key_values
    found: dict[int, torch.Tensor] = {}
    todo = [kept]
    while todo:
        value = todo.pop()
        if isinstance(value, torch.Tensor):
            found[id(value)] = value
        elif isinstance(value, dict | list | tuple):
            todo += value.values() if isinstance(value, dict) else value
        elif type(value).__module__.startswith("transformers."):
            todo += vars(value).values()
    return sum(tensor.numel() * tensor.element_size() for tensor in found.values())


def test_the_cache_grows_by_what_was_planned_where_that_is_known():
    known = 0
    for family in FAMILIES:
        hf_model = tiny_family(family)
        try:
            auto_class(hf_model.config, family)
        except moe_viz.ModelError:
            continue
        planned = moe_viz.memory_plan(hf_model.config, dtype="float32").cache_per_token
        if planned is not None:
            known += 1
            assert cached(hf_model, 11) - cached(hf_model, 10) == planned, family
    assert known >= 35


def test_a_large_model_is_planned_from_its_config_alone(room):
    room(cpu=100 * GB)
    config = memory.find_config(find_model("Mixtral 8x7B").config, None)
    plan = moe_viz.memory_plan(config)
    assert (plan.device, plan.dtype, plan.weights // GB, plan.routed // GB) == ("cpu", "bfloat16", 93, 90)
    assert plan.cache_per_token == 32 * 2 * 8 * 128 * 2  # layers, keys and values, heads, width, bytes
    assert not plan.fits
    room(cpu=110 * GB)
    assert moe_viz.memory_plan(config).fits
    room(cpu=400 * GB)
    assert moe_viz.memory_plan(config).dtype == "float32"


@pytest.mark.parametrize(
    ("free", "device", "dtype", "would"),
    [
        ({"cuda_0": 40 * GB, "cpu": 120 * GB}, "cuda:0", "bfloat16", "93.4 GB on cpu would"),
        ({"cpu": 120 * GB}, "cpu", "float32", "93.4 GB in bfloat16 on cpu would"),
        (
            {"cuda_0": 60 * GB, "cuda_1": 60 * GB, "cpu": 30 * GB},
            "cuda:0",
            "bfloat16",
            "spread with device 'auto' would",
        ),
        ({"cpu": 30 * GB, "disk": 50 * GB}, "cpu", "bfloat16", "it takes a machine with 104 GB free"),
    ],
)
def test_where_it_does_not_fit_what_would_is_said(room, monkeypatch, free, device, dtype, would):
    room(**free)
    monkeypatch.setattr(memory, "choose_device", lambda name: name)
    plan = moe_viz.memory_plan(find_model("Mixtral 8x7B").config, device=device, dtype=dtype)
    assert not plan.fits
    assert would in plan.sentence


def test_over_several_devices_the_parts_add_up(room):
    room(cuda_0=40 * GB, cuda_1=40 * GB, cpu=30 * GB)
    plan = moe_viz.memory_plan(find_model("Mixtral 8x7B").config, device="auto")
    placed = dict(plan.placed)
    assert list(placed) == ["cuda:0", "cuda:1", "cpu"] or list(placed) == ["cuda:0", "cuda:1", "cpu", "disk"]
    assert plan.dtype == "bfloat16"
    assert plan.fits
    assert plan.weights == moe_viz.memory_plan(find_model("Mixtral 8x7B").config, dtype="bfloat16").weights
    assert placed["cuda:0"] > 20 * GB < placed["cuda:1"]


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(room, tmp_path):
    name = saved(tiny_model("mixtral"), tmp_path)
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes())
    room(cpu=100_000)
    with pytest.raises(moe_viz.ModelError, match=r"has no room here\. The weights take .* on cpu"):
        moe_viz.load(name, device="cpu", dtype="float32")


def offload_folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("moe_viz-offload-*"))


@pytest.mark.parametrize("family", ["afmoe", "deepseek_v3", "ernie4_5_moe", "gemma4", "gpt_oss", "llama4", "mixtral"])
def test_a_model_that_waits_on_disk_routes_the_same(family, tmp_path, room):
    """Some routers wait there too, with the biases and factors that its scoring names."""
    hf_model = tiny_family(family)
    hf_model.save_pretrained(tmp_path)
    name = saved(hf_model, tmp_path) if family != "llama4" else None
    size = sum(p.numel() * 4 for p in hf_model.parameters())
    room(cpu=size)
    before = offload_folders()
    if name is None:
        placed = placement.spread(hf_model, placement.free_memory())
        spread = type(hf_model).from_pretrained(tmp_path, device_map=placed, offload_folder=tmp_path / "off")
        model = moe_viz.attach(spread)
    else:
        model = moe_viz.load(name, device="auto", dtype="float32")
    with model, moe_viz.attach(hf_model) as whole:
        assert any(p.is_meta for r in model.routers for p in r.router.parameters())
        assert model.self_test.passed, model.self_test.sentence
        assert model.sites == whole.sites
        a, b = model.trace(token_ids=IDS), whole.trace(token_ids=IDS)
        assert a.provenance.device == "cpu, disk"
        measured = resident(model.hf_model)
        assert set(measured) == {"cpu", "disk"}
        assert moe_viz.count_parameters(model) == moe_viz.count_parameters(whole)
        if name is not None:
            assert len(offload_folders() - before) == 1
            assert measured == dict(moe_viz.memory_plan(name, device="auto", dtype="float32").placed)
    assert_agree(a, b)
    assert offload_folders() == before, "the folder is left behind"


def test_a_model_that_waits_on_disk_as_a_whole(tmp_path, room):
    hf_model = tiny_family("qwen3_moe")
    name = saved(hf_model, tmp_path)
    room(cpu=1000)
    with moe_viz.load(name, device="auto", dtype="float32") as model, moe_viz.attach(hf_model) as whole:
        assert all(p.is_meta for p in model.hf_model.parameters())
        a, b = model.trace(token_ids=IDS), whole.trace(token_ids=IDS)
        generated = [list(one.generate(token_ids=IDS, max_new_tokens=3, temperature=0))[-1] for one in (model, whole)]
    assert_agree(a, b)
    assert_agree(*generated)


def test_the_folder_on_disk_goes_with_a_model_that_is_let_go_or_not_loaded(tmp_path, room):
    hf_model = tiny_family("mixtral")
    name = saved(hf_model, tmp_path)
    room(cpu=sum(p.numel() * 4 for p in hf_model.parameters()))
    before = offload_folders()
    model = moe_viz.load(name, device="auto", dtype="float32")
    assert offload_folders() > before
    del model
    gc.collect()
    assert offload_folders() == before

    def stop(step):
        if step.stage == "checking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moe_viz.load(name, device="auto", dtype="float32", progress=stop)
    assert offload_folders() == before


@pytest.mark.parametrize("family", ["dbrx", "jetmoe", "longcat_flash"])
def test_a_family_that_does_not_run_right_in_parts_is_refused(family, tmp_path, room):
    hf_model = tiny_family(family)
    name = saved(hf_model, tmp_path)
    room(cpu=sum(p.numel() * 4 for p in hf_model.parameters()))
    with pytest.raises(moe_viz.ModelError, match="does not run right with parts moved in and out"):
        moe_viz.load(name, device="auto", dtype="float32")
    room(cpu=GB)
    moe_viz.load(name, device="auto", dtype="float32").close()


def test_a_disk_without_room_is_said(tmp_path, room):
    hf_model = tiny_family("mixtral")
    name = saved(hf_model, tmp_path)
    room(cpu=sum(p.numel() * 4 for p in hf_model.parameters()), disk=1000)
    with pytest.raises(moe_viz.ModelError, match="on disk, which has 1e-06 GB free"):
        moe_viz.load(name, device="auto", dtype="float32")
