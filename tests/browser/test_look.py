"""Light and dark, wide and narrow: readable by everyone, and nothing falls off the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from moe_viz.ui.page_registry import PAGES
from tests.browser.conftest import PHONE, ROOT, WIDE
from tests.browser.steps import chips, look, run, serious, settled, sideways, start, unreached

PATHS = ["/", "/layers", "/domains", "/experts", "/flow", "/training", "/models"]
TEXT = "def area(r):\n    return 3.14159 * r ** 2\n\nThe river was quiet. 春眠不觉晓\n1. e4 e5 2. Nf3"


PLOTS = {"/domains": 5, "/experts": 2, "/training": 4, "/models": 5, "/layers": 6, "/flow": 3}


def shown(page, address, path) -> None:
    start(page, address, path)
    if path == "/":
        run(page, TEXT)
        expect(page.get_by_role("heading", name="Token 0")).to_be_visible()
    else:
        expect(page.locator(".js-plotly-plot").nth(PLOTS[path] - 1)).to_be_visible()
    settled(page)


@pytest.mark.parametrize("path", PATHS)
def test_everybody_can_read_it_and_use_it(page, address, path):
    """Opened in the dark on a phone; then wide, dark and light, for axe and the Tab key."""
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    shown(page, address, path)
    assert sideways(page) <= 1
    if path == "/":
        box = chips(page).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
    page.set_viewport_size(WIDE)
    expect(page.get_by_test_id("stSidebarContent")).to_be_in_viewport()
    names = page.get_by_test_id("stHeader").get_by_role("link")
    assert [name.split("\n")[-1] for name in names.all_inner_texts()] == [entry.title for entry in PAGES]
    for scheme in ("dark", "light"):
        look(page, scheme, WIDE)
        assert not serious(page), scheme
        if path == "/":
            assert_ink_on_every_chip_can_be_read(page)
    assert not unreached(page)


def assert_ink_on_every_chip_can_be_read(page) -> None:
    pairs = chips(page).evaluate_all(
        "chips => chips.map(c => [getComputedStyle(c).color, getComputedStyle(c).backgroundColor])"
    )
    for ink, paper in {tuple(pair) for pair in pairs}:
        assert contrast(ink, paper) >= 4.5, (ink, paper)


def contrast(a: str, b: str) -> float:
    """WCAG 2.2's contrast ratio of two `rgb(r, g, b)`."""

    def luminance(colour: str) -> float:
        parts = [int(v) / 255 for v in colour.strip("rgba()").split(",")[:3]]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def ink(button) -> str:
    """The colour of a button's label, once it has settled."""
    settled(button.page)
    return button.evaluate("button => getComputedStyle(button.querySelector('p') ?? button).color")


def test_ink_of_an_opened_menu_and_of_pressed_buttons_can_be_read(page, address):
    start(page, address)
    for scheme in ("light", "dark"):
        look(page, scheme, WIDE)
        paper = page.locator(".stApp").evaluate("app => getComputedStyle(app).backgroundColor")
        menu = page.get_by_role("button", name="More kinds")
        menu.click()
        expect(menu).to_have_attribute("aria-expanded", "true")
        assert contrast(ink(menu), paper) >= 4.5, scheme
        page.keyboard.press("Escape")
        expect(menu).to_have_attribute("aria-expanded", "false")
        page.get_by_role("button", name="Python").hover()
        page.mouse.down()
        assert contrast(ink(page.get_by_role("button", name="Python")), paper) >= 4.5, scheme
        page.mouse.move(5, 5)
        page.mouse.up()


def test_no_page_file_is_left_out():
    shown = {path.removeprefix("/") or "routing" for path in PATHS}
    with_tests_of_their_own = {"learn", "predict", "glossary"}
    assert {path.stem for path in Path(ROOT, "pages").glob("*.py")} == shown | with_tests_of_their_own
