"""Profiles of few and of many domains and experts, opened from their files."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.steps import open_profile, serious, sideways, start
from tests.invented_profile import make_profile


@pytest.mark.parametrize(
    ("domains", "options"),
    [(1, {"experts": 8}), (20, {"experts": 256, "top_k": 8, "sites": 2, "documents": 2, "tokens": 40})],
)
def test_every_page_shows_it(page, address, domains, options):
    content = make_profile(domains, **options).to_bytes()
    start(page, address, "/domains")
    page.get_by_text("Saved profiles").click()
    open_profile(page, content)
    for name, title in (
        ("Domains", "L1: domains × experts"),
        ("Experts", "Share of each domain’s tokens"),
        ("Flow", "where the tokens come from"),
        ("Layers", "Layers × experts"),
    ):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_text(title)).to_be_visible()
        expect(page.locator("[data-test-script-state='notRunning']")).to_be_visible()
        expect(page.get_by_text("opened from a file; measured").first).to_be_visible()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        assert page.get_by_test_id("stException").count() == 0
        assert sideways(page) <= 1
    assert not serious(page)
