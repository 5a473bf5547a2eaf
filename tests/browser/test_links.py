"""A link made by one person opens the same view for another."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import opened
from tests.browser.steps import chips, labels, layer, run, serious, settled, start

TEXT = "def area(r):\n    return <b>3.14</b> & 春眠 + 100 %"
OFF_DEFAULT = [
    "/domains?layer=L1&cell+of+domains=Against+the+other+domains",
    "/experts?layer=L4&expert=7&token+view=The+next+token",
    "/training?measure=Load&after=102&run=Without+load+balancing&map_layer=2&map_token=3&map_colour=1&map_expert=5",
    "/models?look=DBRX&beside=Mixtral+8x7B",
    "/learn?lesson=router&router_token=old&router_layer=1&router_k=8&router_bias=0.5",
    "/learn?lesson=parameters&sizes_model=DBRX&experts+of+DBRX=20&k+of+DBRX=3&width+of+DBRX=1.5",
    "/learn?lesson=memory&memory_model=DBRX&memory_precision=int4&memory_speed=7",
    "/learn?lesson=batch&batch_kind=Law&batch_model=DBRX&batch_tokens=8",
    "/learn?lesson=balance&balance_kind=Balancing+loss&balance_strength=0.03",
    "/learn?lesson=capacity&capacity_kind=Chess&capacity_factor=2&layer+of+demo=1&text=1.+e4+e5+2.+Nf3+Nc6",
    "/learn?lesson=learned&learned_after=102&learned_measure=Router+saturation",
]


def made(page: Page) -> str:
    """The link that the button gives."""
    page.get_by_role("button", name="Copy a link to this view").click()
    expect(page.get_by_text(re.compile("^Copied|^Press"))).to_be_visible()
    return page.get_by_label("Link to this view").input_value()


def scene(page: Page) -> dict:
    """What can be seen of the Routing page, and every control of it."""
    page.get_by_role("button", name="Continuation").click()
    sliders = {name: page.get_by_role("slider", name=name) for name in ("New tokens", "Temperature", "Top-p")}
    expect(sliders["Top-p"]).to_be_visible()
    settled(page)  # a field that comes into view begins with its default
    seen = {name: slider.get_attribute("aria-valuenow") for name, slider in sliders.items()}
    seen["seed"] = page.get_by_role("spinbutton", name="Seed").input_value()
    page.keyboard.press("Escape")
    return seen | {
        "text": page.get_by_role("textbox", name="Text", exact=True).input_value(),
        "layer": layer(page).input_value(),
        "colour": page.get_by_label("Colour by").input_value(),
        "highlight": page.get_by_label("Highlight expert").input_value(),
        "chips": labels(page),
        "chosen": page.get_by_role("listbox", name="Tokens").get_attribute("aria-activedescendant"),
        "panel": page.locator(".token-panel").inner_text(),
        "table": page.get_by_text(re.compile(r"^\d+ rows")).first.inner_text(),
    }


def test_the_routing_page_is_restored_exactly(chromium, address):
    with opened(chromium) as teacher, opened(chromium) as student:
        start(teacher, address)
        run(teacher, TEXT)
        teacher.get_by_role("button", name="Continuation").click()
        for name, key in (("New tokens", "ArrowLeft"), ("Temperature", "ArrowRight"), ("Top-p", "ArrowLeft")):
            teacher.get_by_role("slider", name=name).press(key)
        teacher.get_by_role("spinbutton", name="Seed").fill("7")
        teacher.get_by_role("spinbutton", name="Seed").press("Enter")
        expect(teacher).to_have_url(re.compile("seed=7"))
        teacher.keyboard.press("Escape")
        teacher.get_by_text("Numbers", exact=True).last.click()
        expect(teacher.get_by_text(re.compile(r"^\d+ rows")).first).to_be_visible()
        layer(teacher).fill("2")
        chips(teacher).nth(6).click()
        expect(teacher.get_by_role("heading", name="Token 6")).to_be_visible()
        teacher.get_by_label("Colour by").select_option("1")
        teacher.get_by_label("Highlight expert").select_option("4")
        link = made(teacher)
        student.goto(link)
        expect(student.get_by_role("heading", name="Token 6")).to_be_visible()
        expect(student.get_by_text(re.compile(r"^\d+ rows")).first).to_be_visible()
        assert scene(student) == scene(teacher)
        expect(student.get_by_role("alert")).to_have_count(0)
        assert made(student) == link


def test_a_long_text_is_kept_on_the_server_and_the_clipboard_is_not_needed(chromium, address):
    text = "The river was quiet. " * 120
    with opened(chromium) as teacher, opened(chromium, color_scheme="dark") as student:
        teacher.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        start(teacher, address, "/layers")
        teacher.get_by_role("radio", name="This text").click()
        expect(teacher.get_by_text("Nothing to show yet")).to_be_visible()
        teacher.get_by_role("textbox", name="Text", exact=True).fill(text)
        teacher.get_by_role("button", name="Show routing").click()
        expect(teacher.get_by_text("tokens · 6 routers")).to_be_visible()
        teacher.get_by_role("radio", name="Difference from uniform").click()
        expect(teacher).to_have_url(re.compile("heatmap"))
        link = made(teacher)
        assert "stored=" in link
        assert len(link) < 200
        expect(teacher.get_by_text("under a name that cannot be guessed")).to_be_visible()
        assert not serious(teacher)
        student.goto(link)
        expect(student.get_by_role("textbox", name="Text", exact=True)).to_have_value(text)
        expect(student.get_by_role("radio", name="Difference from uniform")).to_be_checked()
        expect(student.locator(".js-plotly-plot").nth(2)).to_be_visible()
        assert made(student) == link.replace(link.split("stored=")[1], made(student).split("stored=")[1])


def test_every_page_keeps_its_settings_through_a_link(page, address):
    """What the address asks for is what the page shows, so that the link to it is the same."""
    for path in OFF_DEFAULT:
        asked = address + path
        page.goto(asked)
        expect(page.get_by_role("heading").first).to_be_visible()
        expect(page.locator("[data-test-script-state='notRunning']")).to_be_visible()
        assert page.get_by_text("its own values for").count() == 0, page.get_by_role("alert").all_inner_texts()
        assert parameters(made(page)) - {"model=demo"} == parameters(asked), path


def parameters(address: str) -> set[str]:
    return set(address.partition("?")[2].replace("%20", "+").split("&"))


HOSTILE = (
    "/?text=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E%00&map_layer=77"
    "&model=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E&new+tokens=%22%3E%3Cimg%20src%3Dx%3E"
)


def test_a_hostile_link_falls_back_with_a_sentence(page, address):
    page.goto(address + HOSTILE)
    expect(page.get_by_text("Parts of this link do not fit here")).to_be_visible()
    expect(chips(page).first).to_be_visible()
    expect(layer(page)).to_have_value("5")
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Parts of this link do not fit here")).to_have_count(0)
