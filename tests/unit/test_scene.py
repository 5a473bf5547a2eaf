"""What a link carries: the way into an address and out of it, and what does not fit."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_viz.ui.session.scene import NAMES, Scene, decode, encode, fit
from tests.invented import make_trace

numbers = st.integers(0, 999_999)
names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=300)
texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)
scenes = st.builds(
    Scene,
    model=st.none() | names,
    revision=st.none() | names,
    dtype=st.sampled_from([None, "float32", "bfloat16", "float16"]),
    quantization=st.sampled_from([None, "8-bit", "4-bit"]),
    text=st.none() | texts,
    stored=st.none() | st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z"),
    map_layer=st.none() | numbers,
    map_token=st.none() | numbers,
    map_colour=st.none() | st.just("entropy") | numbers.map(str),
    map_expert=st.none() | numbers,
    cell=st.none() | st.tuples(numbers, numbers),
)


@given(scenes)
def test_a_scene_comes_back_from_its_address(scene):
    address = urlencode(encode(scene))
    assert decode(dict(parse_qsl(address, keep_blank_values=True, strict_parsing=bool(address)))) == (scene, ())


@given(st.dictionaries(st.sampled_from([*NAMES, "page", ""]), st.text()))
def test_whatever_an_address_says_it_is_read_or_named(parameters):
    scene, lost = decode(parameters)
    kept = {name for name, value in asdict(scene).items() if value is not None}
    assert kept | set(lost) == parameters.keys() & set(NAMES)
    assert not kept & set(lost)
    assert decode(encode(scene)) == (scene, ())


@pytest.mark.parametrize(
    ("name", "hostile"),
    [
        ("model", "a\x00b"),
        ("model", "a\nb"),
        ("model", "x" * 301),
        ("revision", "\u202eright to left"),
        ("dtype", "int8"),
        ("quantization", "__import__"),
        ("stored", "../../etc/passwd"),
        ("stored", ""),
        ("text", ""),
        ("map_layer", "-1"),
        ("map_layer", "1e3"),
        ("map_token", "٣"),
        ("map_token", "9" * 5000),
        ("map_colour", "red"),
        ("map_expert", "01"),
        ("cell", "3"),
        ("cell", "3-4-5"),
    ],
)
def test_what_can_mean_nothing_is_named(name, hostile):
    assert decode({name: hostile}) == (Scene(), (name,))


def test_markup_and_control_characters_in_a_text_are_its_text():
    text = "<script>alert(1)</script>\x00\r\n\u202e"
    assert decode({"text": text}) == (Scene(text=text), ())


@given(scenes)
def test_a_scene_that_fits_points_into_the_trace(scene):
    trace = make_trace(tokens=5, experts=[4, 9], top_k=[1, 3])
    fitted, lost = fit(scene, trace)
    assert fitted.map_layer is None or fitted.map_layer < 2
    assert fitted.map_token is None or fitted.map_token < 5
    assert fitted.map_colour in {None, "entropy", "0", "1", "2"}
    assert fitted.map_expert is None or fitted.map_expert < (
        9 if fitted.map_layer is None else (4, 9)[fitted.map_layer]
    )
    assert fitted.cell is None or fitted.cell[1] < (4, 9)[fitted.cell[0]]
    kept = asdict(fitted)
    assert {name for name, value in asdict(scene).items() if value != kept[name]} == set(lost)
    assert fit(fitted, trace) == (fitted, ())


def test_what_a_trace_has_is_kept_and_what_it_lacks_is_named():
    trace = make_trace(tokens=5, experts=[4, 9], top_k=[1, 3])
    scene = Scene(map_layer=1, map_token=4, map_colour="2", map_expert=8, cell=(1, 8))
    assert fit(scene, trace) == (scene, ())
    beyond = Scene(text="t", map_layer=2, map_token=5, map_colour="3", map_expert=9, cell=(0, 4))
    assert fit(beyond, trace) == (
        Scene(text="t"),
        ("map_layer", "map_token", "map_colour", "map_expert", "cell"),
    )
