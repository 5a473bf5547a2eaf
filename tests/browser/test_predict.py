"""The Predict page as a class uses it: light, dark, on a phone, by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import expect

from moe_viz.quiz.asking import KINDS
from tests.browser.conftest import PHONE, WIDE, opened
from tests.browser.steps import look, serious, sideways

LOOKS = (("light", WIDE), ("dark", PHONE)), (("dark", WIDE), ("light", PHONE))


def open_questions(page, address, path="/predict?round=7"):
    page.goto(address + path)
    expect(page.get_by_text("Question 1 ·")).to_be_visible()
    expect(choice(page, 0, 0)).to_be_visible()


def choice(page, number, index):
    return page.locator(f".st-key-choice-{number}-{index} button")


def answered(page):
    return page.locator("[class*=st-key-result]")


def go_on(page, number):
    page.get_by_role("button", name="Next question").click()
    expect(page.get_by_text(f"Question {number + 1} ·")).to_be_visible()
    expect(choice(page, number, 0)).to_be_visible()


def test_every_kind_is_readable_for_everybody(page, address):
    """Narrow and wide, light and dark, before an answer and after each: nothing serious, nothing sideways."""
    open_questions(page, address)
    for number in range(len(KINDS)):
        if number == 0:
            for shown in LOOKS[0]:
                look(page, *shown)
                assert serious(page) == [], shown
        choice(page, number, 1).click()
        expect(answered(page).first).to_be_visible()
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
        for shown in LOOKS[number % 2]:
            look(page, *shown)
            assert serious(page) == [], shown
            assert sideways(page) <= 1, shown
        if number + 1 < len(KINDS):
            go_on(page, number + 1)


def test_a_class_gets_the_same_questions_and_answers_them_by_keyboard(page, chromium, address):
    with opened(chromium) as neighbour:
        for one in (page, neighbour):
            open_questions(one, address)
        question = page.get_by_role("heading", level=2)
        assert question.inner_text() == neighbour.get_by_role("heading", level=2).inner_text()
        choice(page, 0, 0).focus()
        page.keyboard.press("Tab")
        expect(choice(page, 0, 1)).to_be_focused()
        page.keyboard.press("Enter")
        expect(answered(page)).to_have_count(4)
        expect(page.get_by_role("status").filter(has_text="experts took at least one")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Next question")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_text("Question 2 ·")).to_be_visible()
        expect(page.get_by_role("button", name="1 right")).to_be_visible()
        expect(neighbour.get_by_text("No answers yet")).to_be_visible()
        expect(page).to_have_url(f"{address}/predict?round=7")


def test_a_stale_link_falls_back_with_a_sentence_and_a_text_leads_to_the_routing_page(page, address):
    open_questions(page, address, "/predict?round=<script>alert(1)</script>")
    expect(page.get_by_text("names a seed that is not")).to_be_visible()
    choice(page, 0, 0).click()
    page.get_by_role("button", name="on the Routing page").click()
    expect(page.get_by_role("listbox", name="Tokens").get_by_role("option").first).to_be_visible()
