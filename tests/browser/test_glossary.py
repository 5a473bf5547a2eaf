"""The Glossary page as a person uses it: found by a word, from a definition, and back to where it is seen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from moe_viz.lessons.glossary import terms
from moe_viz.lessons.texts import lessons
from tests.browser.conftest import PHONE, WIDE, server
from tests.browser.steps import look, serious, sideways, start


def open_at(page, address, asked: str) -> None:
    page.goto(f"{address}/glossary?term={asked}")
    expect(page.get_by_role("heading", name=asked, exact=True)).to_be_visible()


def test_all_of_it_is_readable_for_everybody(page, address):
    page.goto(f"{address}/glossary")
    expect(page.get_by_role("heading", name=terms()[-1].name, exact=True)).to_be_attached()
    for scheme in ("light", "dark"):
        look(page, scheme, WIDE)
        assert serious(page) == []


def test_a_phone_shows_it_without_sideways_scrolling(page, address):
    page.set_viewport_size(PHONE)
    open_at(page, address, "domain information")
    assert sideways(page) <= 1


def test_a_link_opens_a_term_on_a_fresh_server_and_leads_to_where_it_is_seen(page):
    with server() as fresh:
        open_at(page, fresh, "hash routing")
        expect(page.locator("main, [data-testid=stMain]").get_by_role("heading", level=4).first).to_have_text(
            "hash routing"
        )
        page.get_by_role("link", name=f"Learn: {lessons()['designs'].title}").first.click()
        expect(page.get_by_role("heading", name=lessons()["designs"].question)).to_be_visible()
        expect(page).to_have_url(re.compile("lesson=designs"))


def test_typing_finds_and_the_address_keeps_it(page, address):
    page.goto(f"{address}/glossary")
    box = page.get_by_role("textbox", name="Search")
    box.fill("satur")
    expect(page.get_by_role("heading", level=4)).to_have_text(["router saturation"])
    expect(page).to_have_url(re.compile("term=satur"))


@pytest.mark.parametrize("hostile", ["<img src=x onerror=alert(1)>", "zzz"])
def test_a_stale_or_hostile_link_says_that_there_is_no_such_term(page, address, hostile):
    page.goto(f"{address}/glossary?term={hostile}")
    expect(page.get_by_text("No term has")).to_be_visible()


def test_a_definition_leads_to_its_term(page, address):
    start(page, address, "/domains")
    page.get_by_role("button", name="Definition").nth(1).click()
    page.get_by_test_id("stPopoverBody").get_by_role("link", name="Glossary").click()
    expect(page.get_by_role("heading", level=4).first).to_have_text("domain information")
    expect(page).to_have_url(re.compile(r"/glossary\?term=domain"))


def test_the_navigation_of_every_page_leads_to_it(page, address):
    start(page, address)
    page.get_by_role("link", name="Glossary").first.click()
    expect(page.get_by_role("heading", name=terms()[0].name, exact=True)).to_be_visible()
