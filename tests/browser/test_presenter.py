"""The presenter view on a projector: large, nothing beside the page, one step a key."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from moe_viz.lessons.texts import lessons
from tests.browser.steps import chips, labels, layer, serious

LESSONS = list(lessons())
TEXT = "text=one+two+three+four+five&map_layer=3"


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_link_opens_the_presenter_view_and_keys_step_through_layers(page, address, colours):
    page.set_viewport_size({"width": 1280, "height": 1100})
    page.emulate_media(color_scheme=colours)
    page.goto(f"{address}/?present=1&{TEXT}")
    expect(layer(page)).to_have_value("3")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    assert float(chips(page).first.evaluate("chip => chip.getBoundingClientRect().height")) > 30
    page.keyboard.press("ArrowRight")
    expect(layer(page)).to_have_value("4")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(layer(page)).to_have_value("2")
    # What has the focus and arrow keys of its own keeps them.
    page.get_by_role("listbox", name="Tokens").press("ArrowRight")
    expect(page.get_by_role("heading", name="Token 1")).to_be_visible()
    page.get_by_role("textbox", name="Text", exact=True).press("ArrowRight")
    page.get_by_label("Colour by").press("ArrowRight")
    expect(layer(page)).to_have_value("2")
    # The enlarged map is hit where it is seen.
    canvas = page.locator(".routing-map canvas").first
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 10, box["y"] + box["height"] - 12)
    expect(layer(page)).to_have_value("5")
    expect(page.get_by_role("heading", name=f"Token {len(labels(page)) - 1} ")).to_be_visible()
    assert not serious(page)
    page.locator("body").press("Escape")
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
    expect(page).not_to_have_url(re.compile("present"))


def test_keys_step_through_lessons_and_the_view_stays_from_page_to_page(page, address):
    page.goto(f"{address}/models?present=1")
    page.get_by_role("link", name="Learn").click()
    expect(page.get_by_role("heading", name=lessons()[LESSONS[0]].question)).to_be_visible()
    expect(page).to_have_url(re.compile("present=1"))
    page.locator("body").press("ArrowRight")
    expect(page.get_by_role("heading", name=lessons()[LESSONS[1]].question)).to_be_visible()
    page.get_by_role("button", name="Step back").click()
    expect(page.get_by_role("heading", name=lessons()[LESSONS[0]].question)).to_be_visible()
    page.locator("body").press("ArrowLeft")  # there is none before the first
    expect(page.get_by_role("heading", name=lessons()[LESSONS[0]].question)).to_be_visible()
    page.get_by_role("button", name="Leave the presenter view").click()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()
