"""A model's layers as tables: every layer once, in order, and in words that a person can check."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_viz.data.router_site import RouterSite, Scoring
from moe_viz.metrics.rule import rule_words
from moe_viz.metrics.topology import DENSE, kinds_of_layer, span, topology_table


def site(layer, path="model.layers", part="mlp", **fields):
    defaults = {"num_experts": 8, "top_k": 2, "scoring": Scoring("softmax", normalized=True)}
    return RouterSite(f"{path}.{layer}.{part}", layer, **defaults | fields)


def table_of(*sites, stacks=(("model.layers", 6),), biased=False):
    return topology_table(sites, [biased] * len(sites), stacks)


def test_every_layer_is_there_once_in_order_and_those_without_a_router_say_so():
    table = table_of(site(1), site(4))
    assert table["layer"].tolist() == list(range(6))
    assert table["routed"].tolist() == [False, True, False, False, True, False]
    assert table[["experts", "top_k"]].to_numpy().tolist() == [
        [8, 2] if layer in (1, 4) else [0, 0] for layer in range(6)
    ]
    assert set(table["words"][~table["routed"]]) == {DENSE}


def test_a_dense_model_has_layers_and_no_router():
    table = table_of()
    assert len(table) == 6
    assert not table["routed"].any()


def test_two_routers_of_a_layer_are_two_rows_told_apart_by_their_part():
    table = table_of(site(0), site(0, part="self_attention.experts"), stacks=[("model.layers", 1)])
    assert table["part"].tolist() == ["mlp", "self_attention.experts"]
    assert table["layer"].tolist() == [0, 0]


def test_encoder_and_decoder_are_stacks_of_their_own():
    sites = [site(1, "encoder.block", stack="encoder"), site(1, "decoder.block")]
    table = table_of(*sites, stacks=[("encoder.block", 2), ("decoder.block", 3)])
    assert list(zip(table["stack"], table["layer"], table["routed"], strict=True)) == [
        ("encoder", 0, False),
        ("encoder", 1, True),
        ("decoder", 0, False),
        ("decoder", 1, True),
        ("decoder", 2, False),
    ]


def test_stacks_of_one_name_are_told_apart_by_their_path():
    table = table_of(site(0, "a.layers"), site(0, "b.layers"), stacks=[("a.layers", 1), ("b.layers", 1)])
    assert table["stack"].tolist() == ["a.layers", "b.layers"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "8 experts, 2 per token"),
        ({"shared_experts": 2}, "8 experts, 2 per token, 2 shared by all"),
        ({"num_experts": 768, "zero_experts": 256}, "512 experts and 256 that compute nothing, 2 per token"),
    ],
)
def test_a_routers_size_in_words(fields, words):
    assert table_of(site(0, **fields))["words"][0] == words


@pytest.mark.parametrize(
    ("scoring", "biased", "words"),
    [
        (Scoring("softmax", normalized=False), False, "softmax → top-2"),
        (
            Scoring("sigmoid", normalized=True, scale=2.5, groups=8, groups_kept=4),
            True,
            "sigmoid → + bias for the choice → best 4 of 8 groups → top-2 → divided by their sum → × 2.5",
        ),
        (
            Scoring("sqrtsoftplus", normalized=True, by_token=True),
            False,
            "2 looked up by the token's id → sqrtsoftplus → divided by their sum",
        ),
        (None, False, "top-2, by a rule that is not recorded"),
    ],
)
def test_a_routers_rule_in_words(scoring, biased, words):
    assert rule_words(site(0, scoring=scoring), biased) == words


def test_what_a_block_does_to_the_sum_is_the_last_step():
    assert rule_words(site(0, output_scale=2.0), False).endswith("→ their sum × 2")


def test_layers_of_a_kind_are_taken_together_and_none_is_lost():
    table = table_of(site(1), site(3), site(5, top_k=4))
    kinds = kinds_of_layer(table)
    assert kinds["layers"].tolist() == ["0, 2, 4", "1, 3", "5"]
    assert kinds["count"].sum() == len(table)
    assert kinds["words"].tolist() == [DENSE, "8 experts, 2 per token", "8 experts, 4 per token"]


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([7], "7"),
        ([0, 1, 2], "0–2"),
        ([0, 1, 2, 5, 7, 8], "0–2, 5, 7–8"),
        ([1, 3, 5, 7], "1, 3, … 7"),
        ([2, 4, 6], "2, 4, 6"),
    ],
)
def test_layers_in_words(layers, words):
    assert span(layers) == words


@given(st.sets(st.integers(0, 99), min_size=1))
def test_a_span_names_exactly_its_layers(layers):
    assert read(span(sorted(layers))) == sorted(layers)


def read(words):
    """The numbers that a span stands for, by the rules of its notation alone."""
    if "…" in words:
        first, second, last = (int(word) for word in words.replace("… ", "").split(", "))
        return list(range(first, last + 1, second - first))
    ends = [[int(end) for end in run.split("–")] for run in words.split(", ")]
    return list(itertools.chain.from_iterable(range(end[0], end[-1] + 1) for end in ends))
