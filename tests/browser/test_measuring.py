"""A person's own texts: pasted and uploaded, measured, and looked at on the pages."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.browser.steps import open_profile, start

PROSE = "The river was quiet that evening, and nobody in the boat spoke a word.\n\n" * 6
CODE = "\n".join(json.dumps({"text": f"def area_{n}(r):\n    return {n} * r ** 2\n"}) for n in range(6))


def test_own_domains_are_added_measured_saved_and_opened(page, address):
    start(page, address, "/domains")
    page.get_by_text("Measure with the model in use").click()
    page.get_by_label("Domain", exact=True).fill("<b>prose</b>")
    page.get_by_label("Texts", exact=True).fill(PROSE)
    page.get_by_role("button", name="Add this domain").click()
    expect(page.get_by_text("Added, with the number of texts: <b>prose</b> (6)")).to_be_visible()

    page.get_by_role("radio", name="Upload", exact=True).click()
    upload = page.get_by_test_id("stMain").locator("input[type=file]")
    broken = {"name": "broken.jsonl", "mimeType": "application/json", "buffer": b"{nothing"}
    upload.set_input_files(broken)
    expect(page.get_by_text("broken.jsonl")).to_be_visible()
    page.get_by_role("button", name="Add these domains").click()
    expect(page.get_by_role("alert")).to_contain_text("broken.jsonl")
    expect(page.get_by_text("Added, with the number of texts: <b>prose</b> (6)")).to_be_visible()

    upload.set_input_files({"name": "code.jsonl", "mimeType": "application/json", "buffer": CODE.encode()})
    expect(page.get_by_text("code.jsonl")).to_be_visible()
    page.get_by_role("button", name="Add these domains").click()
    expect(page.get_by_text("<b>prose</b> (6), code (6)")).to_be_visible()

    page.get_by_role("button", name="Measure your 2 domains").click()
    expect(page.get_by_role("radio", name="Measured")).to_be_checked()
    expect(page.get_by_text("texts that were added: 12 texts of 2 domains").first).to_be_visible()
    expect(page.locator(".js-plotly-plot").first.get_by_text("<b>prose</b>", exact=True)).to_be_visible()

    page.get_by_role("link", name="Experts", exact=True).click()
    expect(page.get_by_text("texts that were added: 12 texts of 2 domains").first).to_be_visible()
    page.get_by_text("The contexts around them").click()
    expect(page.get_by_text("measured now from the first").or_(page.get_by_text("It took none of"))).to_be_visible()

    page.get_by_text("Saved profiles").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save this profile").click()
    open_profile(page, download.value.path().read_bytes())
    expect(page.get_by_text("opened from a file; measured").first).to_be_visible()
