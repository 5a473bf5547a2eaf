"""The Models page as a person uses it."""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.sync_api import expect

from moe_viz.catalogue import find_model
from moe_viz.demo import TRAINING as DEMO
from moe_viz.model.info import architecture
from tests.browser.conftest import server
from tests.browser.steps import settled, start

COUNTED = "Click a point to see its layers"


@pytest.fixture
def models(page, address):
    start(page, address, "/models")
    expect(page.get_by_text(COUNTED)).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(5)
    return page


def heading(page, name):
    return page.get_by_role("heading", name=name, exact=True)


def choose(page, label, option) -> None:
    box = page.get_by_role("combobox", name=label)
    box.evaluate("box => box.scrollIntoView({block: 'center'})")  # figures that come late push it away
    box.click()
    box.fill(option)  # the open list holds only the part of itself that is in view
    page.get_by_role("option", name=option, exact=True).click()


def test_a_model_is_chosen_by_name_and_kept_in_the_address(models, address):
    choose(models, "Look at", "DeepSeek-V3")
    expect(heading(models, "DeepSeek-V3")).to_be_visible()
    expect(models).to_have_url(re.compile(r"look=DeepSeek-V3"))
    expect(models.get_by_text("layers 0–2", exact=True)).to_be_visible()
    expect(models.get_by_text(re.compile("256 experts, 8 per token, 1 shared by all. sigmoid"))).to_be_visible()
    models.reload()
    expect(heading(models, "DeepSeek-V3")).to_be_visible()


@pytest.mark.parametrize("query", ["look=no+such+model", "look=%3Cscript%3E&beside=%27", "look=&beside="])
def test_junk_in_the_address_falls_back(page, address, query):
    start(page, address, f"/models?{query}")
    expect(heading(page, "Mixtral 8x7B")).to_be_visible()


def test_a_click_on_a_point_opens_its_model(models):
    plot = models.locator(".js-plotly-plot").nth(2)
    plot.scroll_into_view_if_needed()
    settled(models)
    names = plot.evaluate("plot => plot.data.at(-1).customdata.map(row => row[0])")
    place = names.index("Llama 3.1 405B")
    point = plot.locator(".scatterlayer .trace").last.locator(".point").nth(place)
    box = point.bounding_box()
    models.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(heading(models, "Llama 3.1 405B")).to_be_visible()
    expect(models.get_by_role("button", name="Load it")).to_have_count(0)
    expect(models.get_by_text("layers 0–125", exact=True)).to_be_visible()


def test_two_models_stand_level_beside_each_other(models):
    choose(models, "Beside it", "gpt-oss-20b")
    expect(heading(models, "gpt-oss-20b")).to_be_visible()
    left, right = heading(models, "Mixtral 8x7B").bounding_box(), heading(models, "gpt-oss-20b").bounding_box()
    assert left["y"] == pytest.approx(right["y"], abs=2)
    assert left["x"] + left["width"] < right["x"]


def test_a_closed_model_is_called_closed(models):
    choose(models, "Look at", "GPT-4")
    expect(models.get_by_text("GPT-4 is closed")).to_be_visible()
    expect(models.get_by_role("button", name="Load it")).to_have_count(0)
    expect(models.locator(".js-plotly-plot")).to_have_count(3)


def test_figures_hand_out_their_numbers(models):
    folded = models.get_by_text("Numbers", exact=True)
    expect(folded).to_have_count(5)
    folded.nth(0).click()
    with models.expect_download() as download:
        models.get_by_role("button", name="Download layers-loaded.csv").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 1 + 6
    folded.nth(3).click()
    with models.expect_download() as download:
        models.get_by_role("button", name="Download layers-look.csv").click()
    expected = architecture(find_model("Mixtral 8x7B").config)
    assert len(download.value.path().read_text().splitlines()) == 1 + len(expected.sites)


def test_another_model_is_loaded_while_the_one_in_use_stays(models, tmp_path):
    shutil.copytree(DEMO.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("training_recordings"))
    models.get_by_role("textbox", name="Hugging Face hub id").fill(str(tmp_path / "nowhere"))
    models.keyboard.press("Enter")
    expect(models.get_by_text("there is no model")).to_be_visible()
    expect(heading(models, "The loaded model: demo")).to_be_visible()
    models.get_by_role("textbox", name="Hugging Face hub id").fill(str(tmp_path / "copy"))
    models.get_by_role("button", name="Load", exact=True).click()
    expect(heading(models, f"The loaded model: {tmp_path / 'copy'}")).to_be_visible()
    expect(models.get_by_text("there is no model")).to_have_count(0)


def test_the_sidebar_leads_here_from_every_page(page, address):
    start(page, address, "/layers")
    page.get_by_role("link", name="More about it, and other models").click()
    expect(heading(page, "Well-known models")).to_be_visible()


def test_a_deep_link_to_a_fresh_server_shows_published_figures_first_and_then_all(page):
    with server() as fresh:
        start(page, fresh, "/models?look=Jamba+v0.1")
        expect(page.get_by_test_id("stDataFrame")).to_be_visible()
        expect(page.get_by_role("link", name="Training")).to_be_visible()
        expect(page.get_by_text(COUNTED)).to_be_visible()
        expect(heading(page, "Jamba v0.1")).to_be_visible()
        expect(heading(page, "The loaded model: demo")).to_be_visible()
