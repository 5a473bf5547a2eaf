"""How fast the pages of specialization follow a click: a real server and Chromium on this machine.

The wall-clock time from the click on a control until the script has run and the browser has painted the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.large_profile import large_profile
from tests.browser.conftest import browser, opened, server
from tests.browser.steps import open_profile

TIMES = 3
"""How often each control is set to each of its first few choices."""
CHOICES = 3
CONTROLS = {
    "Domains": (("radiogroup", "Each cell"), ("combobox", "Layer")),
    "Layers": (("radiogroup", "Each cell"), ("radiogroup", "Experts ordered by")),
    "Experts": (("combobox", "Layer"), ("combobox", "Expert")),
    "Flow": (("radiogroup", "Each cell"), ("combobox", "Layer")),
}

_CLICK = """
async (option) => {
  const app = document.querySelector("[data-testid=stApp]");
  const state = () => app.getAttribute("data-test-script-state");
  const start = performance.now();
  let ran = false;
  const finished = new Promise((done) => {
    const observer = new MutationObserver(() => {
      ran ||= state() === "running";
      if (!ran || state() !== "notRunning") return;
      observer.disconnect();
      done();
    });
    observer.observe(app, { attributes: true });
  });
  option.click();
  await Promise.race([finished, new Promise((_, fail) => setTimeout(() => fail(new Error("no redraw")), 20000))]);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - start;
}
"""


def report() -> Iterator[str]:
    """One line per page and profile."""
    with server() as address, browser() as chromium:
        with opened(chromium) as page:
            page.goto(f"{address}/experts")
            page.locator(".js-plotly-plot").first.wait_for()
            yield from _pages(page, "the recorded profile")
        with opened(chromium) as page:
            page.goto(f"{address}/experts")
            page.locator(".js-plotly-plot").first.wait_for()
            page.get_by_text("Saved profiles").click()
            open_profile(page, large_profile().to_bytes())
            _settle(page)
            yield from _pages(page, "a profile of a million tokens, 16 layers × 64 experts")


def _pages(page: Any, of: str) -> Iterator[str]:
    for name, controls in CONTROLS.items():
        page.get_by_role("link", name=name, exact=True).click()
        page.locator(".js-plotly-plot").first.wait_for()
        _settle(page)
        times = [took for role, label in controls for took in _set(page, role, label)]
        yield (
            f"| {name}, {of}: from a click to the redrawn page | median {median(times) / 1e3:.2f} s, worst"
            f" {max(times) / 1e3:.2f} s | {len(times)} |"
        )


def _set(page: Any, role: str, label: str) -> Iterator[float]:
    for number in range(TIMES * CHOICES):
        if role == "radiogroup":
            options = page.get_by_role("radiogroup", name=label).get_by_role("radio")
        else:
            page.get_by_role("combobox", name=label, exact=True).click()
            options = page.get_by_role("option")
            options.first.wait_for()
        chosen = (number + 1) % min(CHOICES, options.count())  # the first is chosen at first, where there is no choice
        yield float(options.nth(chosen).evaluate(_CLICK))
        _settle(page)


def _settle(page: Any) -> None:
    page.locator("[data-testid=stApp][data-test-script-state='notRunning']").wait_for()
    page.wait_for_timeout(700)
