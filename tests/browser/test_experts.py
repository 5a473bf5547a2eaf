"""From an expert to a text that it took and back, and what the figures hand out."""

from __future__ import annotations

import io
import re

import pandas as pd
from playwright.sync_api import expect

import moe_viz
from moe_viz.probes import probe_texts
from moe_viz.ui.specialization.contexts import CHARACTERS
from tests.browser.conftest import WIDE
from tests.browser.steps import chips, layer, look, settled, start

ROW = 3
SAVED_AS = """(format) =>
  document.querySelector(".js-plotly-plot")?._context?.toImageButtonOptions.format === format"""
"""Whether the first figure is saved as a picture of that format."""


def test_a_context_leads_to_its_text_and_a_token_to_its_expert(page, address):
    start(page, address, "/experts?layer=L2&expert=6")
    page.get_by_text("The contexts around them").click()
    expect(page.get_by_text("Select a row to see the whole text")).to_be_visible()
    rows = page.locator(".st-key-context-rows-2-6 canvas").first
    rows.scroll_into_view_if_needed()
    settled(page)
    area = rows.bounding_box()
    page.mouse.click(area["x"] + 15, area["y"] + 35 * (ROW + 1.5))
    expect(chips(page).last).to_be_visible()
    box = page.get_by_role("textbox", name="Text", exact=True)
    expect(box).not_to_have_value("")  # it may be filled after the map is drawn
    text = box.input_value()
    assert any(text == probe[:CHARACTERS] for texts in probe_texts().values() for probe in texts)
    with moe_viz.load() as model:
        trace = model.trace(text)
    token = (trace.expert_ids[2] == 6).any(axis=-1).nonzero()[0][ROW]
    assert layer(page).input_value() == "2"
    expect(page.get_by_role("heading", name=re.compile(rf"^Token {token} "))).to_be_visible()
    page.get_by_role("button", name="Its experts in the atlas").click()
    first = trace.expert_ids[4, token, trace.gate_weights[4, token].argmax()]
    page.get_by_text(f"L4: expert {first}", exact=True).click()
    expect(page).to_have_url(re.compile(rf"/experts\?(?=.*layer=L4).*expert={first}\b"))
    expect(page.get_by_text("What it writes toward")).to_be_visible()


def test_a_figure_is_saved_as_png_and_svg_in_the_colours_of_the_page_and_its_table_as_parquet(page, address):
    start(page, address, "/experts?layer=L5&expert=13")
    plot = page.locator(".js-plotly-plot").first
    for scheme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(16, 19, 24)")):
        look(page, scheme, WIDE)
        for name, begins in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
            page.get_by_role("radio", name=name, exact=True).click()
            page.wait_for_function(SAVED_AS, arg=name.lower())
            plot.hover()
            with page.expect_download() as download:
                plot.locator(".modebar-btn").click()
            assert download.value.suggested_filename == f"moe_viz-share-by-domain.{name.lower()}"
            content = download.value.path().read_bytes()
            assert content.startswith(begins)
            if name == "SVG":
                background = re.search(r"<rect [^>]*style=\"fill: ([^;]+); fill-opacity: ([\d.]+);\"", content.decode())
                assert background.groups() == (colour, "1")
                assert "German" in content.decode()
    page.get_by_text("Numbers", exact=True).first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download share-by-domain.parquet").click()
    table = pd.read_parquet(io.BytesIO(download.value.path().read_bytes()))
    assert table["name"][0] == "German"
    assert len(table) == 19
