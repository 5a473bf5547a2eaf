"""The Flow page as a person uses it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from moe_viz.metrics.flow import by_strength, even_share, links
from moe_viz.ui.session.profile_view import recorded
from tests.browser.conftest import server
from tests.browser.steps import settled, start
from tests.browser.test_domains import EXPERT, click


def plots(page):
    found = page.locator(".js-plotly-plot")
    expect(found).to_have_count(3)
    settled(page)
    return found


def strongest_after(site: int, expert: int) -> int:
    """Where most of an expert's tokens go at the next router."""
    table = links(recorded().profile, site, [expert]).query("direction == 'after'")
    return int(by_strength(table, even_share(recorded().profile, site + 1))["other"].iloc[0])


def test_a_deep_link_to_a_fresh_server_shows_what_it_names_and_clicks_lead_on(page):
    with server() as fresh:
        start(page, fresh, "/flow?layer=L3&expert=6&with=4&order=Load")
        expect(page.get_by_text("L3, experts 6, 4: where the tokens come from and go to")).to_be_visible()
        expect(page.get_by_role("radio", name="Load")).to_be_checked()
        through_all = plots(page).nth(2)
        through_all.scroll_into_view_if_needed()
        click(page, through_all, 0.05, 5.5 / 6)  # a layer's name
        page.wait_for_url(re.compile("layer=L5"))
        expect(page.get_by_text("L5: co-activation")).to_be_visible()


def test_clicks_follow_the_tokens_and_lead_from_a_pair_to_its_expert(page, address):
    start(page, address, "/flow?layer=L3&expert=3")
    expect(page.get_by_role("button", name="Definition")).to_have_count(3)
    flow = plots(page).nth(1)
    label = flow.locator(".annotation-text").filter(has_text=re.compile(rf"^{strongest_after(3, 3)}\s"))
    box = label.last.bounding_box()
    page.mouse.move(box["x"] - 16, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] - 13, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(rf"(?=.*layer=L4).*expert={strongest_after(3, 3)}(&|$)"))
    expect(page.get_by_text("L4: co-activation")).to_be_visible()
    page.get_by_text("Numbers", exact=True).first.click()
    expect(page.get_by_text("240 rows.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download co-activation.csv").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + 16 * 15
    pairs = plots(page).first
    pairs.scroll_into_view_if_needed()
    click(page, pairs, 2.5 / 16, 11.5 / 16)
    expect(page.get_by_role("heading", name=EXPERT)).to_be_visible()
    page.wait_for_url(re.compile(r"/experts\?(?=.*layer=L4).*expert=11"))
