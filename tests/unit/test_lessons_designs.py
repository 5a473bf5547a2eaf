"""The lesson on designs: who has which, told again from the configurations; sets of experts by listing them."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from moe_viz.catalogue import find_model
from moe_viz.demo import TRAINING as DEMO
from moe_viz.lessons import hash_routing
from moe_viz.lessons.designs import DESIGNS, choices, hash_families, known_designs, with_design
from moe_viz.lessons.sizes import known_sizes
from moe_viz.metrics.topology import topology_table
from moe_viz.model.routers import families
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.ui.widgets.words import large_text

CONFIGS = {name: find_model(name).config for name in known_sizes()}


def test_every_mixture_of_the_catalogue_is_there_and_has_its_counts():
    assert tuple(known_designs()) == (*known_sizes(), *hash_families())
    for name, sizes in known_sizes().items():
        built = known_designs()[name]
        assert (built.total, built.active, built.shared) == (sizes.total, sizes.active, sizes.shared)
        assert (built.router["experts"], built.router["top_k"]) == (sizes.experts + sizes.zero_experts, sizes.top_k)


def test_who_has_a_design_follows_from_the_configurations():
    shared = {n for n, c in CONFIGS.items() if c.get("n_shared_experts") or c.get("shared_expert_intermediate_size")}
    first = {n for n, c in CONFIGS.items() if c.get("first_k_dense_replace")}
    some = {n for n, c in CONFIGS.items() if c["model_type"] in {"switch_transformers", "jamba"}}
    nothing = {n for n, c in CONFIGS.items() if c.get("zero_expert_num")}
    for design, expected in {"shared": shared, "first": first, "some": some, "nothing": nothing}.items():
        assert {name for name in with_design(design) if name in CONFIGS} == expected, design
    assert set(with_design("hash")) == set(hash_families())
    assert all(with_design(design) for design in DESIGNS)


def test_the_families_that_look_experts_up_are_those_whose_record_names_a_table():
    folder = Path(families.__file__).parent
    named = {path.stem for path in folder.glob("*.py") if "id_table=" in path.read_text()}
    assert set(hash_families()) == named


@pytest.mark.parametrize(
    ("name", "width", "matrices", "inside"),
    [
        ("Mixtral 8x7B", 4096, 3, 14336),
        ("DeepSeek-V3", 7168, 3, 2048),
        ("OLMoE-1B-7B", 2048, 3, 1024),
        ("JetMoE-8B", 2048, 3, 5632),
        ("Switch-Base-8", 768, 2, 3072),
        ("LongCat-Flash", 6144, 3, 2048),
    ],
)
def test_the_size_of_an_expert_against_a_standard_part(name, width, matrices, inside):
    assert known_designs()[name].size == pytest.approx(matrices * inside / (8 * width))
    assert (name in with_design("fine")) == (matrices * inside < 8 * width)


@pytest.mark.parametrize(("experts", "k", "groups", "kept"), [(6, 2, 1, 1), (8, 3, 4, 2), (9, 4, 3, 2), (6, 3, 3, 3)])
def test_sets_of_experts_are_those_that_can_be_listed(experts, k, groups, kept):
    each = experts // groups
    listed = [one for one in combinations(range(experts), k) if len({e // each for e in one}) <= kept]
    assert choices(experts, k, groups, kept) == len(listed)


def test_layers_come_back_in_their_order():
    for built in known_designs().values():
        table = built.layers
        assert set(table) == set(topology_table((), (), ()))
        assert len(table) == sum(len(kind["layer"]) for kind in built.kinds)
        for _, stack in table.groupby("stack", sort=False):
            assert stack["layer"].is_monotonic_increasing
    assert known_designs()["DeepSeek-V3"].dense == (0, 1, 2)


def test_a_large_number_is_written_as_a_power_of_ten():
    assert [large_text(n) for n in (28, 1820, 999_999, 1_000_000, 71_600_000_000_000)] == [
        "28",
        "1,820",
        "999,999",
        "1.0 × 10⁶",
        "7.2 × 10¹³",
    ]


@pytest.fixture(scope="module")
def profile():
    return ExpertProfile.load(DEMO.parent / "probes.moeprofile")


@pytest.fixture(scope="module")
def by_token(profile):
    """`{token: [site expert]}` of first choices, cell by cell."""
    table, counts = profile.group_table, {}
    for token, cell, count in zip(table.tokens.tolist(), table.cells.tolist(), table.counts.tolist(), strict=True):
        site, expert = divmod(cell % (len(profile.sites) * profile.experts), profile.experts)
        counts.setdefault(token, np.zeros((len(profile.sites), profile.experts)))[site, expert] += count
    return counts


def test_first_choices_of_common_tokens(profile, by_token):
    common = hash_routing.common_tokens(profile)
    met = profile.occurrences[0]
    assert set(common.tolist()) == {t for t in range(len(met)) if met[t] >= hash_routing.OCCURRENCES}
    counts = hash_routing.first_choices(profile, common)
    for place, token in enumerate(common.tolist()):
        assert np.array_equal(counts[place], by_token[token])
        assert (counts[place].sum(axis=1) == met[token]).all()  # none was lost to the table's limits


def test_no_lookup_agrees_with_the_router_more_often_than_the_best_one(profile, by_token):
    agree = hash_routing.agreement(profile)
    common = hash_routing.common_tokens(profile).tolist()
    total = sum(by_token[token][0].sum() for token in common)
    for site in range(len(profile.sites)):
        assert agree[site] == pytest.approx(sum(by_token[token][site].max() for token in common) / total)
    rng = np.random.default_rng(0)
    for _ in range(20):
        lookup = rng.integers(profile.experts, size=len(common))
        agreed = sum(by_token[token][:, expert] for token, expert in zip(common, lookup, strict=True)) / total
        assert (agreed <= agree).all()
    assert agree.argmax() == 0  # "a first layer has little but the token to decide by"


def test_how_even_a_lookup_is_and_how_even_the_routers_are(profile):
    met = profile.occurrences[0]
    loads = [sum(int(n) for token, n in enumerate(met) if token % 16 == expert) for expert in range(16)]
    assert hash_routing.violation_of_lookup(profile) == pytest.approx(max(loads) / (sum(loads) / 16) - 1)
    first, _ = profile.by_document(first=True)
    routed = first.sum(axis=0)
    expected = routed.max(axis=1) / routed.mean(axis=1) - 1
    assert hash_routing.violation_of_router(profile) == pytest.approx(expected)
