"""What is sent to the browser, and the one module that each component becomes."""

import json
import math

import numpy as np
import pytest

from moe_viz import NO_EXPERT, RoutingTrace
from moe_viz.components import (
    ROUTING_MAP_CSS,
    ROUTING_MAP_JS,
    TOKEN_PANEL_CSS,
    TOKEN_PANEL_JS,
    pack_routing_map,
    pack_token_panel,
)
from moe_viz.components.bundle import BundleError, bundle
from moe_viz.components.routing_map.pack import COMFORTABLE_BYTES, MISSING, NEUTRAL, Initial, expert_colours
from moe_viz.ui.session.trace_view import TraceView
from tests.invented import make_trace

PALETTE = [f"#0000{i:02x}" for i in range(16)]
GREY = "#b9bec8"


def unpack(packed):
    """Header and sections, read by the documented layout alone."""
    length = int.from_bytes(packed[:4], "little")
    header = json.loads(packed[4 : 4 + length])
    sections = {}
    for entry in header["sections"]:
        assert entry["offset"] % 8 == 0
        sections[entry["name"]] = np.frombuffer(packed, entry["dtype"], entry["length"], entry["offset"])
    return header, sections


def big_trace(tokens, sites, experts, slots, seed=0):
    """As large as asked, quickly: experts of no pattern, weights in no order."""
    rng = np.random.default_rng(seed)
    small = make_trace(tokens=1, experts=[experts] * sites, top_k=[slots] * sites, generated=0)
    return RoutingTrace(
        tokens=(" word",) * tokens,
        token_names=("Ġword",) * tokens,
        token_ids=np.zeros(tokens),
        generated=np.zeros(tokens, dtype=bool),
        sites=small.sites,
        expert_ids=rng.integers(0, experts, (sites, tokens, slots)),
        gate_weights=rng.random((sites, tokens, slots), dtype=np.float32),
        router_logits=None,
        provenance=small.provenance,
    )


@pytest.mark.parametrize("trace", [make_trace(dropped=0.2), make_trace(experts=[4, 300], top_k=[1, 3])])
def test_experts_and_weights_come_back(trace):
    header, sections = unpack(pack_routing_map(trace, None, PALETTE, GREY))
    shape = trace.expert_ids.shape
    ids, codes = sections["expert_ids"].reshape(shape), sections["gate_weights"].reshape(shape)
    scale, steps = header["weight_scale"], 2 ** header["weight_bits"] - 2
    for site, token in np.ndindex(shape[:2]):
        order = np.argsort(-np.where(trace.expert_ids[site, token] == NO_EXPERT, -1, trace.gate_weights[site, token]))
        experts, weights = trace.expert_ids[site, token][order], trace.gate_weights[site, token][order]
        taken = experts != NO_EXPERT
        assert (codes[site, token] != 0).tolist() == taken.tolist()
        assert ids[site, token][taken].tolist() == experts[taken].tolist()
        assert (codes[site, token][taken] - 1) * (scale / steps) == pytest.approx(
            weights[taken], abs=0.6 * scale / steps
        )


def test_slots_are_in_order_of_weight_whatever_the_familys_order():
    _, sections = unpack(pack_routing_map(big_trace(50, 3, 8, 4), None, PALETTE, GREY))
    codes = sections["gate_weights"].reshape(3, 50, 4).astype(int)
    assert (np.diff(codes, axis=-1) <= 0).all()


def test_a_weight_of_zero_is_not_the_same_as_no_expert():
    trace = make_trace(tokens=2, sites=1, top_k=1, generated=0)
    changed = RoutingTrace(
        **{
            **vars(trace),
            "expert_ids": np.array([[[3], [NO_EXPERT]]]),
            "gate_weights": np.zeros((1, 2, 1), dtype=np.float32),
        }
    )
    _, sections = unpack(pack_routing_map(changed, None, PALETTE, GREY))
    assert sections["gate_weights"].tolist() == [1, 0]


def test_the_largest_trace_stays_small_with_8_bits_and_a_small_one_has_16():
    entropy = np.zeros((61, 4096), dtype=np.float32)
    packed = pack_routing_map(big_trace(4096, 61, 256, 8), entropy, PALETTE, GREY)
    header, sections = unpack(packed)
    assert len(packed) <= COMFORTABLE_BYTES == 4_500_000
    assert (header["weight_bits"], sections["gate_weights"].dtype) == (8, np.uint8)
    assert unpack(pack_routing_map(make_trace(), None, PALETTE, GREY))[0]["weight_bits"] == 16


def test_more_than_256_experts_have_wide_ids():
    header, sections = unpack(pack_routing_map(make_trace(experts=300), None, PALETTE, GREY))
    assert sections["expert_ids"].dtype == np.uint16
    assert header["sites"][0]["experts"] == 300


def test_few_experts_have_their_own_colour_and_of_many_the_busiest():
    trace = make_trace(tokens=40, experts=[16, 64], top_k=[2, 4])
    small, large = expert_colours(trace, 16)
    assert small[:16].tolist() == list(range(16))
    assert (small[16:] == NEUTRAL).all()
    load = np.bincount(trace.expert_ids[1].ravel(), minlength=64)
    coloured = np.flatnonzero(large != NEUTRAL)
    assert sorted(large[coloured]) == list(range(16))
    by_colour = load[coloured[np.argsort(large[coloured])]]
    assert (np.diff(by_colour) <= 0).all()
    assert by_colour.min() >= load[large == NEUTRAL].max()


def test_an_idle_expert_of_many_has_no_colour():
    trace = make_trace(tokens=1, experts=64, top_k=2, generated=0)
    assert ((expert_colours(trace, 16) != NEUTRAL).sum(axis=1) == 2).all()


def test_entropy_is_a_share_of_the_most():
    trace = make_trace(tokens=3, sites=1, experts=8)
    entropy = np.array([[0, math.log(8), np.nan]], dtype=np.float32)
    _, sections = unpack(pack_routing_map(trace, entropy, PALETTE, GREY))
    assert sections["entropy"].tolist() == [0, 254, MISSING]


def test_tokens_without_text_are_known_by_name():
    header, sections = unpack(
        pack_routing_map(make_trace(tokens=4, texts=["", "a", "\ud83d", "猫"]), None, PALETTE, GREY)
    )
    assert header["tokens"] == ["<byte 0>", "a", "\ud83d", "猫"]
    assert header["without_text"] == [0]
    assert sections["generated"].tolist() == [0, 0, 1, 1]


def test_a_trace_is_known_by_what_it_holds():
    ids = {unpack(pack_routing_map(make_trace(seed=s), None, PALETTE, GREY))[0]["stream"] for s in (1, 1, 2)}
    assert len(ids) == 2


def test_a_trace_that_grows_is_known_by_its_stream_and_says_how_long_it_will_be():
    headers = [
        unpack(pack_routing_map(make_trace(tokens=n), None, PALETTE, GREY, stream="s", expected=9))[0] for n in (4, 12)
    ]
    assert [header["stream"] for header in headers] == ["s", "s"]
    assert [header["expected"] for header in headers] == [9, 12]
    assert unpack(pack_routing_map(make_trace(tokens=4), None, PALETTE, GREY))[0]["expected"] == 4


def test_the_panel_takes_plain_values_only():
    assert pack_token_panel({"next": [{"probability": math.nan}], "token": 1}) == {
        "next": [{"probability": None}],
        "token": 1,
    }
    with pytest.raises(TypeError, match=r"sites.scores: a ndarray; expected str"):
        pack_token_panel({"sites": [{"scores": np.zeros(2)}]})
    with pytest.raises(TypeError, match="token: a int64"):
        pack_token_panel({"token": np.int64(3)})


@pytest.mark.parametrize("text", [ROUTING_MAP_JS, TOKEN_PANEL_JS])
def test_a_component_is_one_module_without_markup(text):
    lines = text.splitlines()
    assert not [line for line in lines if line.startswith("import")]
    assert [line for line in lines if line.startswith("export")] == [
        line for line in lines if line.startswith("export default function ")
    ]
    assert "HTML" not in text


def test_styles_stay_within_their_component():
    for css, name in [(ROUTING_MAP_CSS, ".routing-map"), (TOKEN_PANEL_CSS, ".token-panel")]:
        selectors = [line for line in css.splitlines() if line.endswith(("{", ",")) and line.startswith(".")]
        assert all(line.startswith((".moe", name)) for line in selectors)


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text)


def test_bundle_puts_each_module_once_before_those_that_use_it(tmp_path):
    write(
        tmp_path,
        a='import { b } from "./b.js";\nimport { c, d } from "./c.js";\nexport default function a() {}\n',
        b='import { c } from "./c.js";\nexport function b() { return c; }\n',
        c="export const c = 1;\nexport const d = 2;\n",
    )
    assert bundle(tmp_path, "a.js") == (
        "const c = 1;\nconst d = 2;\n\nfunction b() { return c; }\n\nexport default function a() {}\n"
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('import c from "./c.js";', "expected `import"),
        ('import { c as d } from "./c.js";', "expected `import"),
        ('import { c } from "c";', "expected `import"),
        ('import { c } from "../c.js";', "no such module"),
        ('import { x } from "./c.js";', "does not export x"),
        ('const x = await import("./c.js");', "dynamic imports"),
        ("export { x };", "expected `export`"),
        ("export let x = 1;", "expected `export`"),
        ('import { c } from "./c.js";\nconst c = 2;', "declared in more than one module: c"),
        ('import { e } from "./e.js";', "import cycle: a.js → e.js → a.js"),
    ],
)
def test_bundle_refuses_what_it_does_not_understand(tmp_path, entry, message):
    write(tmp_path, a=f"{entry}\nexport default function a() {{}}\n", c="export const c = 1;\n")
    write(tmp_path, e='import { a } from "./a.js";\nexport const e = 1;\n')
    with pytest.raises(BundleError, match=message):
        bundle(tmp_path, "a.js")


def test_bundle_wants_one_default_in_the_entry(tmp_path):
    write(tmp_path, a="function a() {}\n")
    with pytest.raises(BundleError, match="export default function"):
        bundle(tmp_path, "a.js")


def test_a_trace_can_be_looked_at_from_a_router_and_token_on():
    header, _sections = unpack(TraceView(make_trace(), "measured", None, stream="s", initial=Initial(2, 5)).payload)
    assert (header["initial_layer"], header["initial_token"]) == (2, 5)
    header, _sections = unpack(TraceView(make_trace(), "measured", None).payload)
    assert (header["initial_layer"], header["initial_token"]) == (None, 0)
