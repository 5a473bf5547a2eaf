"""Whether a token is routed the same however it is read: alone or padded in a batch, in one pass
or after a cache, by any implementation of the experts, in bfloat16, after a failure.
"""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import pytest
import torch

import moe_viz
from moe_viz.model.routers.families import family_of
from moe_viz.model.running.sampling import Sampling
from moe_viz.model.running.tokens import tokens_of_ids
from tests.agreement import assert_agree, difference
from tests.tiny_families import tiny_family
from tests.tiny_models import token_ids

LENGTHS = (17, 5, 11)
IMPLEMENTATIONS = ("eager", "batched_mm", "grouped_mm")


def check(family: str) -> dict[str, Any]:
    """Read tiny models of `family` in every way. Raises AssertionError where the routing differs unforeseen."""
    hf_model = tiny_family(family)
    with moe_viz.attach(hf_model) as model:
        together = _padded(model, family)
        generated = _continued(model, family)
    _after_a_failure(hf_model)
    _bfloat16(hf_model)
    return {"together": together, "generated": generated, "experts": _implementations(family)}


def _padded(model: moe_viz.MoEModel, family: str) -> str:
    texts = [tokens_of_ids(None, token_ids(length, seed=length)) for length in LENGTHS]
    alone = [model.trace_tokens(text) for text in texts]
    together = model.trace_batch(texts)
    for text, one, other in zip(texts, alone, together, strict=True):
        assert other[0].token_ids.tolist() == list(text.ids)
        _agree(one, other, f"{family}: a batch changes the routing")
    assert model.batches == (not family_of(model.hf_model.config.model_type).batch_dependent)
    return "same" if model.batches else "one at a time"


def _agree(some: list[moe_viz.RoutingTrace], others: list[moe_viz.RoutingTrace], otherwise: str) -> None:
    for one, other in zip(some, others, strict=True):
        found = difference(one, other)
        assert found is None, f"{otherwise}: {found}"


def _continued(model: moe_viz.MoEModel, family: str) -> str:
    if not model.generates:
        with pytest.raises(moe_viz.InputError, match="gives no next token"):
            next(model.generate(token_ids=token_ids(5)))
        return "no head to try"
    prompt = token_ids(17)
    model.hf_model.generation_config.eos_token_id = None  # a random model ends a text by accident
    growing = list(model.generate(token_ids=prompt, max_new_tokens=12, temperature=0))
    assert [len(trace) - len(growing[0]) for trace in growing] == list(range(13))
    last = growing[-1]
    assert last.generated.tolist() == [False] * len(growing[0]) + [True] * 12
    for trace in growing:
        assert_agree(trace, last, len(trace))
    if model.two_stacks:
        plain = model.trace_stacks(token_ids=prompt)[-1]
        at_once = model.trace_stacks(token_ids=prompt, decoder_token_ids=last.token_ids.tolist())[-1]
    else:
        plain = model.trace(token_ids=prompt)
        at_once = model.trace(token_ids=last.token_ids.tolist())
    _agree([growing[0]], [plain], f"{family}: the prompt is routed otherwise when it is continued")
    best = last.next_tokens.token_ids[len(growing[0]) - 1 : -1, 0]
    assert last.token_ids[len(growing[0]) :].tolist() == best.tolist()
    _side_by_side(model)
    if difference(last, at_once) is None:
        return "same"
    assert not model.batches, f"{family}: a token is routed otherwise after a cache"
    return "not always"


def _side_by_side(model: moe_viz.MoEModel) -> None:
    """Texts of several lengths that come and go are each continued as if alone."""
    asked = [(token_ids(length, seed=length), 3 + 4 * index, index) for index, length in enumerate(LENGTHS)]
    decoder = model.decoder()
    shared = []
    for ids, most, seed in asked:
        shared.append(model.start_generation(model.tokenize(token_ids=ids), most, Sampling(1.0, 0.9, seed)))
        decoder.add(shared[-1])
        decoder.step()
    while decoder.generations:
        decoder.step()
    for generation, (ids, most, seed) in zip(shared, asked, strict=True):
        *_, alone = model.generate(token_ids=ids, max_new_tokens=most, temperature=1.0, top_p=0.9, seed=seed)
        assert generation.trace().token_ids.tolist() == alone.token_ids.tolist()
        assert_agree(generation.trace(), alone)


def _implementations(family: str) -> str:
    agreed, first = [], None
    for name in IMPLEMENTATIONS:
        hf_model = tiny_family(family)
        try:
            hf_model.set_experts_implementation(name)
        except ValueError:
            continue
        with moe_viz.attach(hf_model) as model:
            traces = model.trace_stacks(token_ids=token_ids(17))
        first = first or traces
        _agree(first, traces, f"{family}: {name} routes otherwise")
        agreed.append(name)
    return ", ".join(agreed)


def _bfloat16(hf_model: Any) -> None:
    """From a folder: some families keep a part of their weights in float32, which only loading knows."""
    with tempfile.TemporaryDirectory() as folder:
        hf_model.save_pretrained(folder)
        narrow = type(hf_model).from_pretrained(folder, dtype=torch.bfloat16)
    with moe_viz.attach(narrow) as model:
        for trace in model.trace_stacks(token_ids=token_ids(17)):
            assert trace.provenance.dtype == "bfloat16"
            for site, logits, ids in zip(trace.sites, trace.router_logits, trace.expert_ids, strict=True):
                assert np.isfinite(logits[:, : site.num_experts]).all()
                assert (ids[:, : site.top_k] >= 0).any()


def _after_a_failure(hf_model: Any) -> None:
    assert listeners(hf_model) == 0
    model = moe_viz.attach(hf_model)
    before = model.trace_stacks(token_ids=token_ids(17))

    def fails(_module: Any, _args: Any) -> None:
        raise RuntimeError("a fault in the last experts")

    last = model.routers[-1]
    handle = (last.router if last.extractor == "sorted" else last.experts).register_forward_pre_hook(fails)
    with pytest.raises(RuntimeError, match="a fault in the last experts"):
        model.trace(token_ids=token_ids(17))
    handle.remove()
    assert listeners(hf_model) == 0
    for one, other in zip(before, model.trace_stacks(token_ids=token_ids(17)), strict=True):
        for part in ("expert_ids", "gate_weights", "router_logits"):  # the same weights where they were: no rounding
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
    model.close()
    assert listeners(hf_model) == 0


def listeners(hf_model: Any) -> int:
    """Everything that stands between a module and its class's own forward."""
    modules = list(hf_model.modules())
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) + ("forward" in vars(m)) for m in modules)
