"""The Routing page as a person uses it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

import moe_viz
from tests.browser.conftest import opened, server
from tests.browser.steps import chips, labels, layer, run, settled, start, type_text

TEXT = "def area(r):\n    return 3.14159 * r ** 2\n\n1. e4 e5 2. Nf3 Nc6 春眠不觉晓"
HOSTILE = (
    "<script>window.pwned=1</script> <img src=x onerror='window.pwned=1'> $x^2$ :red[x] [link](javascript:alert(1))"
    " **bold** `code` \0 👩‍👩‍👧 \u202eRTL\u202c שלום # heading"
)


@pytest.fixture(scope="module")
def trace():
    with moe_viz.load() as model:
        return model.trace(TEXT)


def test_every_chip_at_every_layer_shows_what_the_library_captured(page, address, trace):
    """From the hooks to the screen: expert and gating weight of every token in every layer."""
    start(page, address)
    run(page, TEXT)
    expect(chips(page)).to_have_count(len(trace))
    largest = trace.gate_weights.argmax(axis=-1)
    for site in range(len(trace.sites)):
        layer(page).fill(str(site))
        for token, label in enumerate(labels(page)):
            slot = largest[site, token]
            expert = trace.expert_ids[site, token, slot]
            weight = trace.gate_weights[site, token, slot]
            found = re.search(r"layer (\d+), expert (\d+), weight ([\d.]+)$", label)
            assert found, label
            assert (int(found[1]), int(found[2])) == (site, expert)
            assert abs(float(found[3]) - weight) <= 0.00051
        numbers = chips(page).locator(".number").all_inner_texts()
        assert [int(n) for n in numbers] == np.take_along_axis(trace.expert_ids[site], largest[site][:, None], axis=-1)[
            :, 0
        ].tolist()


def test_the_keyboard_alone_runs_a_text_and_walks_through_it(page, address):
    start(page, address)
    box = page.get_by_role("textbox", name="Text", exact=True)
    box.fill("one two three four")
    box.press("Control+Enter")
    expect(chips(page).first).to_be_visible()
    strip = page.get_by_role("listbox", name="Tokens")
    strip.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        strip.press(key)
    expect(strip).to_have_attribute("aria-activedescendant", "t1")
    expect(page.get_by_role("heading", name="Token 1")).to_be_visible()
    before = layer(page).input_value()
    strip.press("ArrowUp")
    assert layer(page).input_value() != before
    strip.press("End")
    expect(page.get_by_role("heading", name=f"Token {chips(page).count() - 1} ")).to_be_visible()


def test_scrubbing_layers_asks_nothing_of_the_server(page, address):
    sent = []

    def keep(frame):  # Playwright cannot call a built-in, such as sent.append
        sent.append(frame)

    page.on("websocket", lambda socket: socket.on("framesent", keep))
    start(page, address)
    run(page, TEXT)
    settled(page)
    sent.clear()
    seen = set()
    for site in range(6):
        layer(page).fill(str(site))
        seen.add(tuple(labels(page)))
    assert len(seen) == 6
    assert not sent


def test_a_click_on_a_token_fills_the_panel_from_the_trace(page, address, trace):
    start(page, address)
    run(page, TEXT)
    layer(page).fill("4")
    token = 9
    chips(page).nth(token).click()
    panel = page.locator(".token-panel")
    expect(panel.get_by_role("heading", name=f"Token {token}")).to_be_visible()
    chosen = trace.expert_ids[4, token]
    expect(panel).to_contain_text(re.compile(rf"Router at layer 4, all {trace.sites[4].num_experts} experts"))
    row = panel.get_by_role("option").nth(4)
    for slot in np.argsort(-trace.gate_weights[4, token]):
        expect(row).to_have_attribute("aria-description", re.compile(rf"expert {chosen[slot]}\b"))
    expect(panel).to_contain_text("Margin to the first expert left out")
    expect(panel).to_contain_text("nats")
    best = trace.next_tokens.texts[token][0].strip()
    expect(panel).to_contain_text(best)


def test_a_row_of_the_panel_changes_the_layer_of_the_map(page, address):
    start(page, address)
    run(page, TEXT)
    page.locator(".token-panel").get_by_role("option").nth(1).click()
    expect(layer(page)).to_have_value("1")
    assert all("layer 1," in label for label in labels(page))


def test_a_click_in_the_map_chooses_token_and_layer(page, address, trace):
    start(page, address)
    run(page, TEXT)
    canvas = page.locator(".routing-map canvas").first
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.4, "y": box["height"] - 6})
    expect(layer(page)).to_have_value(str(len(trace.sites) - 1))
    expect(page.get_by_role("heading", name=re.compile(r"^Token [1-9]"))).to_be_visible()


def test_hovering_a_chip_names_all_its_experts(page, address, trace):
    start(page, address)
    run(page, TEXT)
    layer(page).fill("2")
    chips(page).nth(3).hover()
    tooltip = page.locator(".tooltip")
    for expert in trace.expert_ids[2, 3]:
        expect(tooltip).to_contain_text(f"expert {expert}")


def test_play_steps_through_the_layers_and_stops(page, address):
    start(page, address)
    run(page, TEXT)
    layer(page).fill("3")
    page.get_by_role("button", name=re.compile("Play")).click()
    expect(layer(page)).to_have_value("5", timeout=8000)
    expect(page.get_by_role("button", name=re.compile("Play"))).to_be_visible()


def test_hostile_text_is_text_and_nothing_else(page, address):
    start(page, address)
    run(page, HOSTILE)
    for number in range(min(chips(page).count(), 12)):
        chips(page).nth(number).click()
    shown = "".join(chips(page).locator(".text").all_inner_texts())
    assert "<" in shown
    assert "onerror" in shown.replace("\u2060", "")
    settled(page)
    assert page.evaluate("window.pwned") is None
    for tag in ("script", "img", "a", "b", "strong", "h1", "code.katex", ".katex"):
        assert page.locator(f".routing-map {tag}").count() == 0
    page.get_by_role("link", name="Layers").click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert page.evaluate("window.pwned") is None


def test_a_reload_starts_anew_and_works(page, address):
    start(page, address)
    run(page, TEXT)
    page.reload()
    expect(page.get_by_text("Nothing to show yet")).to_be_visible()
    run(page, "again")
    assert labels(page)


def test_too_long_a_text_is_said_and_kept(page, address):
    start(page, address)
    run(page, TEXT)
    long = "a b " * 25_000
    type_text(page, long)
    page.get_by_role("button", name="Show routing").click()
    expect(page.get_by_role("alert")).to_contain_text("this model reads at most 1,024")
    assert page.get_by_role("textbox", name="Text", exact=True).input_value() == long
    expect(chips(page).first).to_be_visible()


def test_a_second_visitor_sees_nothing_of_the_first(page, chromium, address):
    start(page, address)
    run(page, "a private text")
    with opened(chromium) as other:
        start(other, address)
        expect(other.get_by_text("Nothing to show yet")).to_be_visible()
        run(other, "another text altogether")
        assert "private" not in other.content()
    expect(chips(page).first).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/routing", "/layers?of=This+text"])
def test_a_deep_link_to_a_fresh_server_opens_its_page(page, path):
    with server() as fresh:
        start(page, fresh, path)
        expect(page.get_by_text("Nothing to show yet")).to_be_visible()
        expect(page.get_by_role("link", name="Layers")).to_be_visible()
        expect(page.get_by_role("button", name="Chess")).to_be_visible()
        page.get_by_role("button", name="Chess").click()
        expect(page.locator(".js-plotly-plot").first if "layers" in path else chips(page).first).to_be_visible()
