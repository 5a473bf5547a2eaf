"""The tour of the Routing page, by keyboard alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from moe_viz.lessons.texts import tour_texts
from tests.browser.conftest import PHONE, WIDE
from tests.browser.steps import chips, serious, settled, start


@pytest.mark.parametrize(
    ("colours", "size"),
    [("light", WIDE), ("dark", PHONE)],
)
def test_the_tour_names_each_part_and_is_offered_once(page, address, colours, size):
    words = tour_texts()
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=colours)
    start(page, address)
    offer = page.get_by_role("button", name=words["start"])
    expect(offer).to_be_visible()
    assert page.get_by_role("dialog").count() == 0
    offer.press("Enter")
    card = page.get_by_role("dialog")
    for number, step in enumerate(words["steps"], start=1):
        expect(card).to_have_accessible_name(step["title"], timeout=60_000)
        expect(card).to_have_accessible_description(step["text"])
        expect(card).to_contain_text(f"{number} of {len(words['steps'])}")
        expect(card.get_by_role("heading")).to_be_focused()
        settled(page)
        frame, dialog = page.locator(".tour .frame").bounding_box(), card.bounding_box()
        assert frame["width"] > 100
        assert frame["height"] > 20
        assert frame["y"] < size["height"]
        assert frame["y"] + frame["height"] > 0
        assert dialog["x"] >= 0
        assert dialog["x"] + dialog["width"] <= size["width"]
        if number in {1, len(words["steps"])}:
            assert not serious(page)
        page.keyboard.press("ArrowRight")
    expect(card).to_have_count(0)
    expect(chips(page).first).to_be_visible()
    again = page.get_by_role("button", name=words["again"], exact=True)
    expect(again).to_be_focused()
    page.reload()
    expect(again).to_be_visible()
    assert offer.count() == 0
    again.press("Enter")
    expect(card).to_have_accessible_name(words["steps"][0]["title"])
    page.keyboard.press("ArrowLeft")  # there is none before the first
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)


def test_no_thanks_is_remembered(page, address):
    words = tour_texts()
    start(page, address)
    page.get_by_role("button", name=words["refuse"]).click()
    expect(page.get_by_role("button", name=words["again"], exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=words["start"])).to_have_count(0)
