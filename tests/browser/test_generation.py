"""A text that the model continues, as a person sees it grow."""

from __future__ import annotations

import urllib.request

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, opened, server
from tests.browser.steps import chips, labels, layer, run, serious, settled, sideways, start, type_text

TEXT = "The river was quiet, and"
MILLISECONDS_TO_GO = """async (button) => {
  const pressed = performance.now();
  button.click();
  while (button.isConnected) await new Promise(requestAnimationFrame);
  return performance.now() - pressed;
}"""
"""How long a button stays after it was pressed, measured in the page."""

NOTE_COUNTS = """() => {
  const inside = (root) => [...root.querySelectorAll("*")].flatMap(
    (element) => [element, ...(element.shadowRoot ? inside(element.shadowRoot) : [])]);
  const strip = inside(document).find((element) => element.ariaLabel === "Tokens");
  window.counts = [];
  const note = () => window.counts.push(strip.querySelectorAll(".generated").length);
  new MutationObserver(note).observe(strip, { childList: true, subtree: true });
}"""
"""Keep how many generated tokens there were each time that the strip changed."""


def continue_text(page: Page, tokens: int | None = None, text: str = TEXT) -> None:
    """Press the button, for as many new tokens as the slider allows or for the `tokens` that it is set to."""
    type_text(page, text)
    if tokens is None:
        page.get_by_role("button", name="Continuation", exact=True).click()
        slider = page.get_by_role("slider", name="New tokens")
        slider.focus()
        slider.press("End")
        page.keyboard.press("Escape")
        expect(slider).to_be_hidden()
    page.get_by_role("button", name="Continue the text").click()


def stop(page: Page):
    return page.get_by_role("button", name="Stop", exact=True)


def generated(page: Page):
    return page.locator(".chip.generated")


def wait_for_more(page: Page, than: int) -> int:
    """Wait until there are more generated tokens than that. Returns how many."""
    expect(generated(page).nth(than)).to_be_attached()
    return generated(page).count()


def words(page: Page) -> str:
    """The text of the chips."""
    return "".join(label.split(": ", 1)[1].split(",")[0] for label in labels(page)).replace("·", " ")


@pytest.fixture
def ready(page, address):
    """A page whose model is there."""
    start(page, address)
    run(page, TEXT)
    return page


def test_tokens_appear_while_the_model_writes(page, address):
    start(page, address, "/?new+tokens=128")
    run(page, TEXT)
    prompt = chips(page).count()
    page.evaluate(NOTE_COUNTS)
    continue_text(page, 128)
    expect(page.get_by_text("128 tokens generated")).to_contain_text("as many as asked for")
    expect(chips(page)).to_have_count(prompt + 128)
    counts = page.evaluate("window.counts")
    assert len({count for count in counts if 0 < count < 128}) >= 3, counts
    assert counts == sorted(counts)
    assert all("generated" in label for label in labels(page)[prompt:])
    assert not any("generated" in label for label in labels(page)[:prompt])
    expect(page.get_by_text(f"{prompt + 128} tokens · 6 routers")).to_be_visible()


def test_the_map_keeps_what_was_chosen_while_it_grows(ready):
    continue_text(ready)
    first = wait_for_more(ready, 0)
    layer(ready).fill("2")
    colour = ready.get_by_role("combobox", name="Colour by")
    colour.select_option(label="Router entropy")
    strip = ready.get_by_role("listbox", name="Tokens")
    strip.evaluate("strip => { strip.scrollTop = 0; }")
    chips(ready).nth(3).click()
    strip.focus()
    ready.evaluate("document.querySelector('[data-testid=stMain]').scrollTop = 60")
    kept = chips(ready).nth(3).element_handle()
    more = wait_for_more(ready, first + 40)
    assert more < 512
    assert kept.evaluate("chip => chip.isConnected"), "the chips are made anew"
    expect(layer(ready)).to_have_value("2")
    expect(colour).to_have_value("entropy")
    expect(chips(ready).nth(3)).to_have_attribute("aria-selected", "true")
    expect(strip).to_be_focused()
    assert strip.evaluate("strip => strip.scrollTop") == 0
    assert ready.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 60
    stop(ready).click()
    expect(stop(ready)).to_be_hidden()
    expect(layer(ready)).to_have_value("2")
    expect(colour).to_have_value("entropy")
    expect(chips(ready).nth(3)).to_have_attribute("aria-selected", "true")
    expect(ready.get_by_role("heading", name="Token 3 ")).to_be_visible()
    assert kept.evaluate("chip => chip.isConnected"), "the map is made anew at the end"


@pytest.mark.alone
def test_stop_answers_within_a_second_and_keeps_what_there_is(ready):
    continue_text(ready)
    wait_for_more(ready, 20)
    assert stop(ready).evaluate(MILLISECONDS_TO_GO) < 1000
    expect(ready.get_by_text("tokens generated ·")).to_contain_text("stopped")
    there = generated(ready).count()
    assert 20 < there < 512
    ready.get_by_text("Server", exact=True).click()
    expect(ready.get_by_text("time to answer")).to_be_visible()
    settled(ready)
    assert generated(ready).count() == there


def test_two_people_at_once_do_not_disturb_each_other(ready, chromium, address):
    """One stops; the other's text goes on to its end, and neither sees the other's."""
    with opened(chromium) as other:
        start(other, address)
        continue_text(ready, 50)
        continue_text(other, text="Somebody else wrote this")  # long enough to be stopped before its end
        wait_for_more(other, 1)
        stop(other).click()
        expect(other.get_by_text("tokens generated ·")).to_contain_text("stopped")
        expect(ready.get_by_text("50 tokens generated")).to_be_visible()
        assert words(other).startswith("Somebody else wrote this")
        assert words(ready).startswith("The river was quiet")


def test_a_page_is_left_and_found_again(ready):
    continue_text(ready)
    wait_for_more(ready, 5)
    ready.get_by_role("link", name="Training").click()
    expect(ready.get_by_role("heading", name="How the bundled model learnt to route")).to_be_visible()
    ready.get_by_role("link", name="Routing").click()
    wait_for_more(ready, 6)
    ready.get_by_role("link", name="Layers").click()
    expect(ready.locator(".js-plotly-plot").first).to_be_visible()
    expect(ready.get_by_text("512 tokens generated")).to_be_visible()


def test_the_layers_page_follows_a_continuation_too(page, address):
    start(page, address, "/?new+tokens=128")
    run(page, TEXT)
    prompt = chips(page).count()
    page.get_by_role("link", name="Layers").click()
    continue_text(page, 128)
    expect(stop(page)).to_be_visible()
    expect(page.get_by_text("128 tokens generated")).to_be_visible()
    expect(page.get_by_text("tokens · 6 routers")).to_contain_text(str(prompt + 128))


def test_a_deep_link_to_a_fresh_server_continues_a_text(page):
    with server() as fresh:
        start(page, fresh, "/routing")
        continue_text(page, tokens=50)
        expect(page.get_by_text("50 tokens generated")).to_be_visible()
        expect(generated(page)).to_have_count(50)


def test_the_next_text_stops_the_continuation(ready):
    continue_text(ready)
    wait_for_more(ready, 5)
    run(ready, "another text")
    expect(stop(ready)).to_be_hidden()
    expect(generated(ready)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_while_a_text_grows_and_after(page, address, scheme):
    page.emulate_media(color_scheme=scheme)
    start(page, address)
    run(page, TEXT)
    continue_text(page)
    wait_for_more(page, 20)
    growing = serious(page)
    stop(page).click()
    expect(stop(page)).to_be_hidden()
    page.get_by_text("Server", exact=True).click()
    expect(page.get_by_text("time to answer")).to_be_visible()
    page.get_by_role("button", name="Limits", exact=True).click()
    expect(page.get_by_text("At most 4,096 tokens in one text")).to_be_visible()
    assert not growing + serious(page)


def test_a_phone_follows_a_text_without_sideways_scrolling(page, address):
    page.set_viewport_size(PHONE)
    start(page, address)
    run(page, TEXT)
    continue_text(page)
    wait_for_more(page, 60)
    assert sideways(page) <= 1
    newest = generated(page).last.bounding_box()
    strip = page.get_by_role("listbox", name="Tokens").bounding_box()
    assert newest["y"] + newest["height"] <= strip["y"] + strip["height"] + 40, "the newest token is out of sight"


def test_the_server_says_that_it_is_well(address):
    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=10) as answer:
        assert (answer.status, answer.read()) == (200, b"ok")
