"""What can be proven of a family's captured routing, on a tiny random model.

`python -m tests.model.checks` writes the outcome of every family to `moe_viz/model/routers/family_support.json`,
which `python -m moe_viz families` prints; a test holds that it is still so.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import moe_viz
from moe_viz.data.scores import gating_weights_from_scores, router_scores
from moe_viz.model.routers.discover import Router
from tests.agreement import ROUNDING, near_tie
from tests.invented import route
from tests.model import passes
from tests.model.recompute import block_output, experts_output, raw
from tests.tiny_families import LAYERS, MOE_LAYERS, tiny_family
from tests.tiny_models import token_ids

DATA = Path(moe_viz.__file__).parent / "model" / "routers" / "family_support.json"
_OTHER_NAMES = {"inkling_mm_model", "qwen3_omni_moe_thinker", "step3p5"}
"""Model types that are another name of a family's model."""
FAMILIES = sorted({path.stem for path in (DATA.parent / "families").glob("[!_]*.py")} - _OTHER_NAMES)
TOKENS = token_ids(17)
DECODER_TOKENS = token_ids(9, seed=2)
_SUM_ONLY = {"axk1", "diffusion_gemma", "gemma4", "inkling", "muse_spark"}
"""A norm follows the sum, the block is a whole layer, the shared experts have gates of their own,
or projections stand around the experts: there the sum over the experts is rebuilt."""
_NO_SCORE = {"nllb_moe", "phimoe"}


class Seen:
    """What went into and came out of modules in a forward pass, by PyTorch's own hooks."""

    def __init__(self, modules: dict[str, torch.nn.Module]) -> None:
        self.calls: dict[str, tuple[Any, Any]] = {}
        self._handles = [module.register_forward_hook(self._keep(name)) for name, module in modules.items()]

    def _keep(self, name: str) -> Any:
        def hook(_module: Any, args: Any, output: Any) -> None:
            assert name not in self.calls, f"{name} was called twice"
            self.calls[name] = args, output

        return hook

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()

    def rows(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """First argument and (first) output, `[token dim]`."""
        args, output = self.calls[name]
        output = output[0] if isinstance(output, tuple) else output
        width = args[0].shape[-1]
        return raw(args[0].reshape(-1, width)), raw(output.reshape(-1, width))


def check(family: str, **own: Any) -> dict[str, Any]:
    """Run every check on a tiny model of `family`: see `check_model`."""
    return check_model(family, tiny_family(family, **own))


def check_model(family: str, hf_model: Any) -> dict[str, Any]:
    """Run every check on a model of `family`. Raises AssertionError where one fails; returns what was proven."""
    plain = forward(hf_model)
    with moe_viz.attach(hf_model) as model:
        routers = {router.site.name: router for router in model.routers}
        assert [router.site.layer for router in model.routers] == MOE_LAYERS.get(family, list(range(LAYERS)))
        modules = {name: hf_model.get_submodule(name) for name in routers}
        modules |= {f"{name} experts": router.experts for name, router in routers.items()}
        modules |= {f"{name} router": router.router for name, router in routers.items()}
        seen = Seen(modules)
        stacks = {"decoder_token_ids": DECODER_TOKENS} if hf_model.config.is_encoder_decoder else {}
        traces = model.trace_stacks(token_ids=TOKENS, **stacks)
        seen.close()
        assert torch.equal(forward(hf_model), plain), "listening changed the output"
    assert sum(len(trace.sites) for trace in traces) == len(routers)
    outputs = []
    for trace in traces:
        for index, site in enumerate(trace.sites):
            of_site = np.s_[index, :, : site.top_k]
            ids, weights = trace.expert_ids[of_site], trace.gate_weights[of_site]
            logits = raw(torch.tensor(trace.router_logits[index, :, : site.num_experts]))
            router = routers[site.name]
            _in_range_and_distinct(ids, site.num_experts)
            _as_consumed(family, seen, router, ids, weights)
            outputs.append(_output(family, seen, router, hf_model, ids, weights))
            if site.scoring is not None:
                _weights(site.scoring, logits, ids, weights)
                _choice(router, logits, ids, trace.token_ids)
            elif family == "phimoe":
                _sparse_mixer(router, logits, ids, weights)
            else:
                assert family in _NO_SCORE
    return {
        "model": type(hf_model).__name__,
        "routers": len(routers),
        "output": ", ".join(sorted(set(outputs))),
        "weights": _proven_weights(family, traces[0].sites[0].scoring),
        "choice": _proven_choice(family, [site.scoring for trace in traces for site in trace.sites]),
    }


def forward(hf_model: Any) -> torch.Tensor:
    """The model's first output on the tokens of the checks."""
    inputs = {"input_ids": torch.tensor([TOKENS])}
    if hf_model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.tensor([DECODER_TOKENS])
    with torch.inference_mode():
        return hf_model(**inputs, use_cache=False)[0]


def _in_range_and_distinct(ids: np.ndarray, experts: int) -> None:
    assert ids.max() < experts
    for row in ids:
        assert len(set(row[row >= 0])) == (row >= 0).sum()


def _as_consumed(family: str, seen: Seen, router: Router, ids: np.ndarray, weights: np.ndarray) -> None:
    """The experts' arguments, and the router's own answer where it gives one, are what was captured."""
    if router.extractor != "arguments":
        return
    args, _output = seen.calls[f"{router.site.name} experts"]
    np.testing.assert_array_equal(args[1].reshape(ids.shape), ids)
    np.testing.assert_array_equal(args[2].reshape(ids.shape), weights)
    _args, answer = seen.calls[f"{router.site.name} router"]
    if isinstance(answer, tuple):
        np.testing.assert_array_equal(answer[2].reshape(ids.shape), ids)
        np.testing.assert_array_equal(answer[1].reshape(ids.shape), weights)


def _output(family: str, seen: Seen, router: Router, hf_model: Any, ids: np.ndarray, weights: np.ndarray) -> str:
    site = router.site
    if family == "jetmoe" and "self_attention" in site.name:
        return "not attention"  # whose experts' sum no module gives
    if family in _SUM_ONLY:
        x, output = seen.rows(f"{site.name} experts")
        again = experts_output(router.experts, family, x, ids, weights)
        proven = "experts"
    else:
        x, output = seen.rows(site.name)
        again = block_output(hf_model.get_submodule(site.name), family, x, ids, weights, site.output_scale)
        proven = "block"
    error = np.abs(again - output).max() / np.abs(output).max()
    assert error <= 1e-5, f"{site.name}: the output rebuilt is off by {error:.1e}"
    return proven


def _weights(scoring: Any, logits: np.ndarray, ids: np.ndarray, weights: np.ndarray) -> None:
    again = gating_weights_from_scores(router_scores(logits, scoring), ids, scoring)
    if scoring.shared_in_sum:
        assert (weights.sum(axis=-1) > 0).all()
        weights = weights / weights.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(again, weights, rtol=1e-5, atol=1e-7)


def _choice(router: Router, logits: np.ndarray, ids: np.ndarray, tokens: np.ndarray) -> None:
    site = router.site
    if site.scoring.by_token:
        np.testing.assert_array_equal(router.router.tid2eid[torch.tensor(tokens)], ids)
        return
    passed = 0
    for row, used in zip(logits, ids, strict=True):
        chosen = set(route(row, site.top_k, site.scoring)[0])
        skipped = set(range(site.num_experts - 1, site.num_experts)) if router.extractor == "skip" else set()
        taken = set(used[used >= 0].tolist())
        if router.extractor == "one-hot":
            assert taken <= chosen
        else:
            assert same_choice(site, row, taken, chosen - skipped)
        passed += bool(taken)
    assert passed


def same_choice(site: Any, logits: np.ndarray, taken: set[int], expected: set[int]) -> bool:
    """Whether the expected experts were taken, or others that are a near tie by the logits `[expert]`."""
    others = zip(sorted(taken - expected), sorted(expected - taken), strict=False)
    return len(taken) == len(expected) and all(near_tie(site, logits, *pair, ROUNDING["float32"]) for pair in others)


def _sparse_mixer(router: Router, logits: np.ndarray, ids: np.ndarray, weights: np.ndarray) -> None:
    """SparseMixer (arXiv 2409.12136) for inference: the largest logit, weighed by a softmax over those
    near it, and then the same without it."""
    width = 2 * router.router.router_jitter_noise
    for row, used, weight in zip(logits, ids, weights, strict=True):
        left = row.copy()
        for expert, given in zip(used, weight, strict=True):
            assert expert == left.argmax()
            near = (left.max() - row) / np.maximum(np.abs(row), left.max()) <= width
            powers = np.where(near & np.isfinite(left), np.exp(left - left.max()), 0)
            np.testing.assert_allclose(powers[expert] / powers.sum(), given, rtol=1e-5)
            left[expert] = -np.inf


def _proven_weights(family: str, scoring: Any) -> str:
    if scoring is None:
        return "by a rule of its own" if family == "phimoe" else "no"
    if family == "doge":
        return "by the output"  # they are worked out from the logits, not read
    return "in proportion" if scoring.shared_in_sum else "yes"


def _proven_choice(family: str, scorings: list[Any]) -> str:
    if scorings[0] is None:
        return "by a rule of its own" if family == "phimoe" else "no"
    return "yes, or by token id" if any(scoring.by_token for scoring in scorings) else "yes"


def main() -> None:
    """Write what holds of every family."""
    checked = {family: check(family) | passes.check(family) for family in FAMILIES}
    content = {"transformers": version("transformers"), "families": checked}
    DATA.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
