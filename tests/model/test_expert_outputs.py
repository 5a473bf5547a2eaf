"""What experts write: against float64 from raw weights, the builds that permit it, and those that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import moe_viz
from moe_viz.data.expert_outputs import ExpertOutputs
from moe_viz.demo import EXPERT_OUTPUTS as RECORDED
from moe_viz.errors import CaptureError, InputError, ModelError
from moe_viz.model.experts.expert_outputs import RANKS, OutputReader, expert_outputs
from moe_viz.model.running.attach import attach
from moe_viz.model.running.tokens import tokens_of_ids
from tests.model.recompute import EXPERTS, _gated, raw
from tests.tiny_families import tiny_family
from tests.tiny_models import tiny_model, token_ids

SCALES = {"cohere2_moe": 0.5, "laguna": 1.5}
CENTRED = {"cohere2_moe", "phimoe"}
BEYOND_ONE = {"qwen3_next"}
"""Their final norm's gain is one more than its weight."""


def with_uneven_gain(hf):
    """The model with a final norm that is not all ones, which would hide whether it is applied."""
    stack = hf.model
    norm = stack.norm_f if hasattr(stack, "norm_f") else getattr(stack, "norm", None) or stack.final_layernorm
    with torch.no_grad():
        norm.weight.copy_(torch.randn(norm.weight.shape, generator=torch.Generator().manual_seed(3)) * 0.5 + 1)
    return hf, norm


def read(hf, *texts) -> ExpertOutputs:
    reader = OutputReader(attach(hf))
    for ids in texts:
        reader.read(tokens_of_ids(None, ids))
    return reader.outputs("ids")


def recomputed(family: str, hf, norm, texts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens taken `[site expert]`, logits `[site expert vocabulary]`, agreement: one token and expert at a time."""
    model = attach(hf)
    given: dict[int, list] = {}
    for site, router in enumerate(model.routers):
        router.experts.register_forward_pre_hook(lambda _m, args, site=site: given.setdefault(site, []).append(args[0]))
    experts = max(site.num_experts for site in model.sites)
    dim = hf.get_output_embeddings().weight.shape[1]
    taken, sums, lengths = np.zeros((len(model.sites), experts)), np.zeros((len(model.sites), experts, dim)), 0.0
    lengths = np.zeros((len(model.sites), experts))
    given.clear()
    for ids in texts:
        given.clear()
        trace = model.trace(token_ids=ids)
        for site, router in enumerate(model.routers):
            hidden = raw(given[site][-1]).reshape(len(ids), -1)
            for token, slot in np.ndindex(len(ids), router.site.top_k):
                expert = int(trace.expert_ids[site, token, slot])
                one = EXPERTS.get(family, _gated)(router.experts, expert, hidden[token])
                part = float(trace.gate_weights[site, token, slot]) * one
                taken[site, expert] += 1
                sums[site, expert] += part
                lengths[site, expert] += np.linalg.norm(part)
    with np.errstate(invalid="ignore"):
        means = SCALES.get(family, 1.0) * sums / taken[..., None]
        agreement = np.linalg.norm(sums, axis=-1) / lengths
    if family in CENTRED:
        means = means - means.mean(axis=-1, keepdims=True)
    logits = means * (raw(norm.weight) + (family in BEYOND_ONE)) @ raw(hf.get_output_embeddings().weight).T
    return taken, logits - logits.mean(axis=-1, keepdims=True), agreement


@pytest.mark.parametrize(
    "family",
    [
        "mixtral",
        "olmoe",
        "deepseek_v3",
        "gpt_oss",
        "qwen3_next",
        "nemotron_h",
        "phimoe",
        "cohere2_moe",
        "laguna",
        "jamba",
    ],
)
def test_the_tokens_are_those_of_a_recomputation_from_raw_weights(family):
    hf, norm = with_uneven_gain(tiny_family(family))
    texts = [token_ids(20, seed=1), token_ids(13, seed=2)]
    taken, logits, agreement = recomputed(family, hf, norm, texts)
    found = read(hf, *texts)
    assert (found.taken == taken).all()
    assert (found.texts, found.tokens) == (2, 33)
    np.testing.assert_allclose(found.agreement, agreement, rtol=1e-4)
    used = taken > 0
    order = np.sort(logits, axis=-1)
    size = np.abs(logits[used]).max()
    np.testing.assert_allclose(found.raised[used], order[..., ::-1][..., :RANKS][used], atol=1e-4 * size)
    np.testing.assert_allclose(found.lowered[used], order[..., :RANKS][used], atol=1e-4 * size)
    picked = np.take_along_axis(logits, np.maximum(found.raised_ids, 0), axis=-1)
    np.testing.assert_allclose(found.raised[used], picked[used], atol=1e-4 * size)
    assert (found.raised_ids[~used] == -1).all()
    assert np.isnan(found.lowered[~used]).all()
    assert set(found.token_texts) == set(np.unique([found.raised_ids[used], found.lowered_ids[used]]).tolist())


class ListOfExperts(nn.Module):
    """Mixtral's experts as a list of modules, as many models outside transformers build them."""

    def __init__(self, fused):
        super().__init__()
        self.experts = nn.ModuleList()
        for gate_up, down in zip(fused.gate_up_proj, fused.down_proj, strict=True):
            one = nn.ModuleDict({"up": nn.Linear(*gate_up.shape[::-1], bias=False)})
            one["down"] = nn.Linear(*down.shape[::-1], bias=False)
            one["up"].weight, one["down"].weight = nn.Parameter(gate_up.detach()), nn.Parameter(down.detach())
            self.experts.append(one)

    def forward(self, hidden, ids, weights):
        out = torch.zeros_like(hidden)
        for number, one in enumerate(self.experts):
            rows, slots = torch.where(ids == number)
            gate, up = one["up"](hidden[rows]).chunk(2, dim=-1)
            out.index_add_(0, rows, one["down"](nn.functional.silu(gate) * up) * weights[rows, slots, None])
        return out


def test_experts_in_a_list_of_modules_give_the_same_as_fused_ones():
    ids = token_ids(24)
    fused = read(tiny_model("mixtral"), ids)
    hf = tiny_model("mixtral")
    for layer in hf.model.layers:
        layer.mlp.experts = ListOfExperts(layer.mlp.experts)
    listed = read(hf, ids)
    np.testing.assert_allclose(listed.raised, fused.raised, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(listed.lowered, fused.lowered, rtol=1e-4, atol=1e-4)
    below = fused.raised[..., :-1] - fused.raised[..., 1:] > 1e-3  # else rounding may change their ranks
    clear = below & np.insert(below[..., :-1], 0, True, axis=-1)
    assert clear.any()
    assert (listed.raised_ids[..., :-1][clear] == fused.raised_ids[..., :-1][clear]).all()


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("flex_olmo", "does not hand it on as it is"),
        ("gemma4", "does not hand it on as it is"),
        ("axk1", "does not hand it on as it is"),
        ("deepseek_v4", "does not hand it on as it is"),
        ("llama4", "are not called with hidden states, choices and weights"),
        ("doge", "are not called with hidden states, choices and weights"),
        ("step3p7", "no plain unembedding"),
        ("longcat_flash", "cannot be run alone"),
    ],
)
def test_a_build_that_does_not_permit_it_is_refused_and_left_as_it_was(family, reason):
    hf = tiny_family(family)
    with pytest.raises(ModelError, match=reason):
        read(hf, token_ids())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in hf.modules())


def test_experts_that_are_more_than_the_sum_of_each_are_refused():
    hf = tiny_model("mixtral")
    experts = hf.model.layers[1].mlp.experts
    inner = experts.forward
    experts.forward = lambda hidden, ids, weights: inner(hidden, ids, weights).tanh()
    with pytest.raises(ModelError, match="run one at a time, do not add up to what they give together"):
        read(hf, token_ids())


def test_the_model_routes_as_before_and_nothing_stays_on_it():
    hf = tiny_model("qwen3_moe")
    model = attach(hf)
    before = model.trace(token_ids=token_ids())
    reader = OutputReader(model)
    reader.read(tokens_of_ids(None, token_ids()))
    after = model.trace(token_ids=token_ids())
    assert (before.expert_ids == after.expert_ids).all()
    assert (before.gate_weights == after.gate_weights).all()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in hf.modules())
    assert reader.outputs("x").taken.sum() == len(token_ids()) * sum(site.top_k for site in model.sites)


def test_without_a_text_there_is_an_error():
    with moe_viz.load() as model, pytest.raises(InputError, match="no text to read"):
        expert_outputs(model, [])


def test_the_recording_is_of_the_bundled_model_and_comes_back_from_its_file(tmp_path):
    recorded = ExpertOutputs.load(RECORDED)
    recorded.save(tmp_path / "x.moeoutputs")
    again = ExpertOutputs.load(tmp_path / "x.moeoutputs")
    assert again.provenance == recorded.provenance
    assert again.sites == recorded.sites
    assert again.token_texts == recorded.token_texts
    np.testing.assert_array_equal(again.raised, recorded.raised)
    with moe_viz.load() as model:
        assert recorded.provenance.revision == model.revision
        assert recorded.sites == model.sites
    assert (recorded.taken.sum(axis=1) == 2 * recorded.tokens).all()
    assert (recorded.texts, recorded.tokens) == (456, 89_073)


def test_experts_that_are_not_run_as_a_module_are_missed_aloud():
    hf = tiny_model("mixtral")
    reader = OutputReader(attach(hf))
    block = hf.model.layers[1].mlp
    block.forward = lambda hidden: hidden * 2
    with pytest.raises(CaptureError, match=r"model\.layers\.1\.mlp: its experts were not run once"):
        reader.read(tokens_of_ids(None, token_ids()))


def test_in_sixteen_bits_it_is_read_as_well():
    found = read(tiny_model("qwen3_moe").to(torch.bfloat16), token_ids(24))
    whole = read(tiny_model("qwen3_moe"), token_ids(24))
    used = (found.taken > 0) & (found.taken == whole.taken)
    assert used.any()
    size = np.abs(whole.raised[used]).max()
    np.testing.assert_allclose(found.raised[used], whole.raised[used], atol=0.2 * size)
