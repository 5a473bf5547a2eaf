"""The Training page as a person uses it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from moe_viz.data.training_recording import TrainingRecording
from moe_viz.demo import TRAINING as DEMO
from tests.browser.steps import chips, layer, settled, start

LEVEL = """() => {
  const [left, right] = document.querySelectorAll(".js-plotly-plot");
  return right && Math.abs(left.getBoundingClientRect().top - right.getBoundingClientRect().top) <= 2;
}"""
"""Whether the first two charts stand side by side."""
MOMENT = "Moment of the training, in updates"


@pytest.fixture
def plots(page, address):
    start(page, address, "/training")
    found = page.locator(".js-plotly-plot")
    expect(found).to_have_count(4)
    return found


def test_every_measure_is_drawn_side_by_side(page, plots):
    for name in ("Load", "Effective experts", "Router saturation", "Loss", "Domain information"):
        page.get_by_role("radio", name=name, exact=True).click()
        settled(page)
        expect(plots).to_have_count(4)
        for chart in (plots.nth(0), plots.nth(1)):
            expect(chart.locator(".scatterlayer .trace").first).to_be_visible()
        page.wait_for_function(LEVEL)


def test_the_slider_moves_both_heatmaps_through_the_training(page, plots):
    slider = page.get_by_role("slider", name=MOMENT)
    slider.focus()
    slider.press("Home")
    expect(page.get_by_role("heading", name="Load of every expert after 0 updates")).to_be_visible()
    slider.press("End")
    stopped = TrainingRecording.load(DEMO / "unbalanced.moerecording").updates[-1]
    expect(page.get_by_text(f"This run was stopped after {stopped:,} updates.")).to_be_visible()
    expect(plots).to_have_count(3)


def test_a_text_is_watched_being_learnt(page, plots):
    """Every chip shows the recorded expert of its token, at two moments of the training."""
    lapse = TrainingRecording.load(DEMO / "balanced.moerecording")
    slider = page.get_by_role("slider", name=MOMENT)
    for key, frame in (("Home", 0), ("End", -1)):
        slider.focus()
        slider.press(key)
        expect(page.get_by_role("heading", name=f"One text after {lapse.updates[frame]:,} updates")).to_be_visible()
        settled(page)
        trace = lapse.trace(frame, int(lapse.watched[0]))
        site = int(layer(page).input_value())
        expect(chips(page).locator(".number")).to_have_text(list(map(str, trace.expert_ids[site, :, 0])))
