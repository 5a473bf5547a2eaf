"""Models: the figures and the headline of models whose weights were made up, against their counts."""

from __future__ import annotations

import math

import pytest

from moe_viz.catalogue import known_models
from moe_viz.data.router_site import RouterSite
from moe_viz.model.info import Architecture
from moe_viz.model.sizes.parameter_count import ParameterCount, RoutedBlock
from moe_viz.ui.models import architecture, catalogue
from moe_viz.ui.models.catalogue_table import catalogue_table
from tests.contract.contract import holds
from tests.contract.made_up import EXPERTS, LAYERS, TOP_K
from tests.contract.reading import same
from tests.contract.recording import draw_page

EACH = (3_000_000, 11_000_000, 700_000)
"""Weights of one expert, by router."""
PARTS = {"shared": 21_000_000, "routers": 17_000, "attention": 90_000_000, "embeddings": 55_000_000}


def built(scale: int = 1, top_k: tuple[int, ...] = TOP_K) -> Architecture:
    """Six layers, of which three have routers of unlike sizes; one has experts that compute nothing."""
    sites, blocks = [], []
    for layer, experts, k, each in zip(LAYERS, EXPERTS, top_k, EACH, strict=True):
        zero = 2 if experts == 8 else 0
        name = f"model.layers.{layer}"
        sites.append(RouterSite(f"{name}.mlp", layer, experts, k, shared_experts=int(layer == 4), zero_experts=zero))
        blocks.append(RoutedBlock(f"{name}.mlp", name, experts - zero, zero, k, scale * each * (experts - zero)))
    routed = sum(block.parameters for block in blocks)
    count = ParameterCount(
        "invented",
        tuple(blocks),
        (("model.layers", 6),),
        routed,
        output_head=4_000_000,
        other=1_000_000,
        tied=0,
        **PARTS,
    )
    return Architecture(tuple(sites), (False, True, False), count)


def used(scale: int = 1, top_k: tuple[int, ...] = TOP_K) -> int:
    """What one token uses, added up expert by expert."""
    of_experts = sum(
        scale * each * (experts - (2 if experts == 8 else 0)) * k // experts
        for each, experts, k in zip(EACH, EXPERTS, top_k, strict=True)
    )
    return sum(PARTS.values()) + 5_000_000 + of_experts


def in_all(scale: int = 1) -> int:
    routed = sum(
        scale * each * (experts - (2 if experts == 8 else 0)) for each, experts in zip(EACH, EXPERTS, strict=True)
    )
    return sum(PARTS.values()) + 5_000_000 + routed


def test_one_model(monkeypatch):
    portrait = architecture.Portrait("look", "A <model>", built(), {"made by": "nobody"}, (), "Counted.")
    page = draw_page(monkeypatch, lambda: architecture.portraits(portrait))
    holds(page, "layers look", "weights look")
    assert page.metrics["Weights"] == f"{in_all() / 1e6:.3g} M"
    assert page.metrics["One token uses"] == f"{used() / 1e6:.3g} M"
    assert page.metrics["Of all weights"] == f"{used() / in_all():.1%}"
    weights = page.handed_out["weights-look"]
    assert weights["weights"].sum() == in_all()
    assert weights["one_token"].sum() == used()
    parts = {
        "shared experts": PARTS["shared"],
        "routers": PARTS["routers"],
        "attention": PARTS["attention"],
        "input embeddings": PARTS["embeddings"],
        "output head": 4_000_000,
        "other": 1_000_000,
    }
    rows = weights.set_index("part")
    same({part: rows["one_token"][part] for part in parts}, parts)
    layers = page.handed_out["layers-look"]
    assert layers["layer"].tolist() == list(range(6))
    routed = layers[layers["routed"]]
    assert list(zip(routed["layer"], routed["experts"], routed["top_k"], strict=True)) == list(
        zip(LAYERS, EXPERTS, TOP_K, strict=True)
    )
    assert routed["shared_experts"].tolist() == [0, 1, 0]


def test_all_models_by_size(monkeypatch):
    known = [model for model in known_models() if model.config][:4]
    several = {model.name: built(scale, (1, scale, 2)) for scale, model in enumerate(known, start=1)}
    marked = {known[2].name}
    page = draw_page(monkeypatch, lambda: catalogue.folded_tables(catalogue._sizes(several, marked)))
    holds(page, "sizes")
    same(
        {row["name"]: (row["total"], row["active"]) for row in page.handed_out["sizes"].to_dict("records")},
        {model.name: (in_all(scale), used(scale, (1, scale, 2))) for scale, model in enumerate(known, start=1)},
    )
    table = catalogue_table(known, several).to_dict("records")
    for scale, (model, row) in enumerate(zip(known, table, strict=True), start=1):
        active = used(scale, (1, scale, 2))
        assert row["model"] == model.name
        assert row["total, counted"] == pytest.approx(in_all(scale) / 1e9)
        assert row["active, counted"] == pytest.approx(active / 1e9)
        assert row["w/o embeddings"] == pytest.approx((active - PARTS["embeddings"]) / 1e9)
        for column, published in (("total, published", model.total), ("active, published", model.active)):
            assert row[column] == published or (published is None and math.isnan(row[column]))
        assert (row["experts"], row["per token"], row["layers"], row["dense layers"]) == (64, max(scale, 2), 6, 3)
        if model.active:
            counted = active - PARTS["embeddings"] if model.embeddings_counted is False else active
            assert row["difference"] == pytest.approx(100 * (counted / 1e9 / model.active - 1))


def test_a_models_facts_say_total_and_active(monkeypatch):
    model = next(model for model in known_models() if model.config)
    facts = catalogue._portrait(model, built(), "look").facts
    assert facts["counted"].startswith(f"{in_all() / 1e6:.3g} M, {used() / 1e6:.3g} M per token")
    assert f"{(used() - PARTS['embeddings']) / 1e6:.3g} M without input embeddings" in facts["counted"]
