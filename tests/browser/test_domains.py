"""The Domains and Experts pages as a person uses them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import server
from tests.browser.steps import settled, start

EXPERT = re.compile("An atlas of experts")


@pytest.fixture
def large(page, address):
    start(page, address, "/domains?layer=L4")
    plots = page.locator(".js-plotly-plot")
    expect(plots).to_have_count(5)
    settled(page)
    return plots.first


def click(page, plot, across: float, down: float, panel: int = 0) -> None:
    """Click a panel of a chart, at so much of its width and height."""
    area = plot.locator(".nsewdrag").nth(panel).bounding_box()
    x, y = area["x"] + area["width"] * across, area["y"] + area["height"] * down
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.mouse.click(x, y)


def test_a_click_on_a_cell_leads_to_its_expert_which_the_address_keeps(page, large):
    click(page, large, 6.5 / 16, 3.5 / 19)
    expect(page.get_by_role("heading", name=EXPERT)).to_be_visible()
    expect(page.get_by_text("Share of each domain’s tokens")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/experts\?(?=.*layer=L4).*expert=6"))


def test_a_click_on_a_small_layer_shows_it_large(page, large):
    click(page, page.locator(".js-plotly-plot").nth(1), 0.5, 0.5, panel=5)
    expect(page.get_by_text("L5: domains × experts")).to_be_visible()


def test_a_deep_link_opens_an_expert_on_a_fresh_server(page):
    with server() as fresh:
        start(page, fresh, "/experts?layer=L5&expert=13")
        expect(page.locator(".js-plotly-plot").nth(1)).to_be_visible()
        expect(page.get_by_text("At the router before (L4)")).to_be_visible()
        expect(page.locator(".js-plotly-plot").first.get_by_text("German", exact=True)).to_be_visible()
        assert "expert=13" in page.url


def test_a_click_on_a_bar_shows_that_expert(page, address):
    start(page, address, "/experts?layer=L2&expert=1")
    bars = page.locator(".js-plotly-plot").nth(1)
    expect(bars).to_be_visible()
    settled(page)
    click(page, bars, 9.5 / 16, 0.9)
    page.wait_for_url(re.compile("expert=9"))


def test_every_figure_has_its_definition_and_hands_out_its_numbers(page, large):
    buttons = page.get_by_role("button", name="Definition")
    expect(buttons).to_have_count(5)
    buttons.nth(1).click()
    expect(page.get_by_text("I(domain; expert) = Σ p(d, e) log₂")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_text("Numbers", exact=True).first.click()
    expect(page.get_by_text("1,824 rows.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download domains-experts.csv").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + 6 * 16 * 19


@pytest.mark.alone
def test_a_click_is_answered_at_once(page, large):
    """Half a second is promised of a machine that is not busy; of this one, that it does not work it out anew."""
    for name in ("Against the other domains", "Share of the domain’s tokens"):
        page.get_by_role("radio", name=name).click()
        expect(page.get_by_text("Each cell is").first).to_contain_text("average" if "other" in name else "row sums")
