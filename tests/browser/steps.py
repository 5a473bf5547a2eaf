"""What a person does on a page."""

from __future__ import annotations

import re
from itertools import count
from typing import Literal

from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.conftest import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def start(page: Page, address: str, path: str = "/") -> None:
    """Open a page and wait until it is there."""
    page.goto(address + path)
    headings = page.get_by_role(
        "heading",
        name=re.compile(
            "How the bundled model learnt to route|Well-known models|serve which kind|atlas of experts"
            "|work on the same tokens|work is spread"
        ),
    )
    expect(page.get_by_role("button", name="Show routing").or_(headings)).to_be_visible()


_STILL = """
(waited) => {
  const app = document.querySelector("[data-testid=stApp]");
  const moves = (one) => one.playState === "running" && one.effect.getComputedTiming().endTime !== Infinity;
  const coming = app?.dataset.testScriptState !== "notRunning" || document.getAnimations().some(moves)
    || document.querySelector("[data-stale=true], [data-testid=stSkeleton]")
    || [...document.querySelectorAll(".js-plotly-plot")].some((plot) => !plot._fullLayout || plot._transitioning);
  const places = [...document.querySelectorAll("[data-testid=stElementContainer], .js-plotly-plot, .nsewdrag")]
    .map((element) => Object.values(element.getBoundingClientRect().toJSON()));
  const seen = JSON.stringify(places);
  const before = window.stillness?.waited === waited ? window.stillness : { seen: null, frames: 0 };
  window.stillness = { waited, seen, frames: !coming && seen === before.seen ? before.frames + 1 : 0 };
  return window.stillness.frames >= 6;
}
"""
_waits = count()


def settled(page: Page) -> None:
    """Wait until nothing more comes from the server, and what came is drawn and stands still."""
    page.wait_for_function(_STILL, arg=next(_waits))


def look(page: Page, scheme: Literal["light", "dark"], size: ViewportSize) -> None:
    """Have a page that is there turn light or dark, wide or narrow."""
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
    settled(page)


def sideways(page: Page) -> int:
    """How many pixels the page is wider than what shows of it."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def type_text(page: Page, text: str) -> None:
    """Replace what stands in the text box."""
    page.get_by_role("textbox", name="Text", exact=True).fill(text)


def run(page: Page, text: str) -> None:
    """Type a text, press the button, wait for its map."""
    type_text(page, text)
    page.get_by_role("button", name="Show routing").click()
    expect(chips(page).last).to_be_visible()


def open_profile(page: Page, content: bytes) -> None:
    """Open a profile's file, where the place for it is unfolded."""
    file = {"name": "mine.moeprofile", "mimeType": "application/octet-stream", "buffer": content}
    page.locator("input[type=file][accept*=moeprofile]").set_input_files(file)
    expect(page.get_by_role("radio", name="Opened")).to_be_checked()


def chips(page: Page) -> Locator:
    """The tokens of the strip."""
    return page.get_by_role("listbox", name="Tokens").get_by_role("option")


def labels(page: Page) -> list[str]:
    """What the chips say to a screen reader, beyond what they show."""
    return chips(page).evaluate_all("chips => chips.map(chip => chip.getAttribute('aria-description'))")


def layer(page: Page) -> Locator:
    """The layer scrubber."""
    return page.get_by_role("slider", name="Layer", exact=True)


def serious(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds serious or critical: the rule, and where it is broken."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        (f["id"], [node["html"][:200] for node in f["nodes"]][:3])
        for f in found
        if f["impact"] in {"serious", "critical"}
    ]


_CONTROLS = """
() => {
  const controls = "button, input, select, textarea, summary, a[href], [role=slider], [tabindex='0']";
  // Of what the arrow keys move within, and of a field with buttons of its own, Tab reaches one part.
  const wholes = "[role=radiogroup], [role=listbox], [role=tablist], [role=grid], [role=toolbar],"
    + "[data-testid=stSelectbox], [data-testid=stMultiSelect], [data-testid=stNumberInput]";
  const inside = (root) => [...root.querySelectorAll("*")].flatMap(
    (element) => [element, ...(element.shadowRoot ? inside(element.shadowRoot) : [])]);
  const seen = inside(document.querySelector("[data-testid=stMain]")).filter((element) => element.matches(controls)
    && !element.disabled && element.getBoundingClientRect().width > 1
    && element.checkVisibility({ visibilityProperty: true, opacityProperty: true }));
  window.unreached = new Set(seen.map((element) => element.closest(wholes) ?? element));
  document.activeElement.blur();
  return window.unreached.size;
}
"""
_LEFT = """
() => {
  let focused = document.activeElement;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  for (const one of window.unreached) if (one.contains(focused)) window.unreached.delete(one);
  return [...window.unreached].map((one) => one.outerHTML.slice(0, 300));
}
"""


def unreached(page: Page, most: int = 400) -> list[str]:
    """The page's controls that so many presses of the Tab key do not reach."""
    page.wait_for_function(f"({_CONTROLS})() > 3")  # for a moment there are none, while a page is drawn anew
    for _ in range(most):
        page.keyboard.press("Tab")
        if not page.evaluate(_LEFT):
            break
    left: list[str] = page.evaluate(_LEFT)
    return left
