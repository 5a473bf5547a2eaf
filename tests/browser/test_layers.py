"""The Layers page as a person uses it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

import moe_viz
from moe_viz.ui.session.profile_view import recorded
from tests.browser.steps import settled, start


@pytest.fixture
def heatmap(page, address):
    start(page, address, "/layers?of=This+text")
    page.get_by_role("button", name="Python").click()
    plot = page.locator(".js-plotly-plot").first
    expect(plot).to_be_visible()
    settled(page)
    return plot


def click_cell(page, plot, row: int, expert: int) -> None:
    """Click the middle of a cell of 6 rows x 16 experts."""
    area = plot.locator(".nsewdrag").first.bounding_box()
    x = area["x"] + area["width"] * (expert + 0.5) / 16
    y = area["y"] + area["height"] * (row + 0.5) / 6
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.mouse.click(x, y)


@pytest.mark.parametrize(("row", "expert"), [(0, 0), (2, 7), (5, 15)])
def test_a_click_on_a_cell_lists_the_tokens_that_its_expert_took(page, heatmap, row, expert):
    with moe_viz.load() as model:
        trace = model.trace(page.get_by_role("textbox", name="Text", exact=True).input_value())
    taken = int((trace.expert_ids[row] == expert).sum())
    click_cell(page, heatmap, row, expert)
    heading = page.get_by_role("heading", name=re.compile(rf"Expert {expert} in layer {row}:"))
    expect(heading).to_contain_text(f"{taken} of {len(trace)} tokens")


def test_the_three_heatmaps_take_turns(page, heatmap):
    for name in ("Mean gating weight", "Difference from uniform", "Load"):
        page.get_by_role("radio", name=name).first.click()
        expect(page.get_by_text("Each cell is").first).to_be_visible()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_every_figure_hands_out_its_numbers(page, heatmap):
    folded = page.get_by_text("Numbers", exact=True)
    expect(folded).to_have_count(2)
    folded.first.click()
    expect(page.get_by_text("96 rows.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download layers-experts.csv").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + 6 * 16
    assert lines[0].startswith("site,name,stack,layer,expert,count,load")


def test_a_whole_profile_in_another_order_leads_to_the_expert_that_stands_there(page, address):
    start(page, address, "/layers")
    expect(page.locator(".js-plotly-plot")).to_have_count(6)
    page.get_by_role("radio", name="Co-activation").click()
    expect(page.get_by_text("each row in its own order")).to_be_visible()
    assert "order=Co-activation" in page.url
    page.get_by_role("radio", name="Largest domain difference").click()
    expect(page.get_by_text("for the domain where this difference is largest")).to_be_visible()
    settled(page)
    click_cell(page, page.locator(".js-plotly-plot").first, 2, 9)
    expect(page.get_by_role("heading", name="An atlas of experts")).to_be_visible()
    expert = int(recorded().coactivation_order[2, 9])
    page.wait_for_url(re.compile(rf"/experts\?(?=.*layer=L2).*expert={expert}(&|$)"))
