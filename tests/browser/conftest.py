"""A real server and a real browser. A worker opens one page, and its tests take turns on it: the second
time the page's code is there, compiled."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.sharing import shared

ROOT = Path(__file__).parents[2]
WIDE = {"width": 1480, "height": 1010}
PHONE = {"width": 390, "height": 844}
expect.set_options(timeout=60_000)  # a first text waits for the model, and other tests use the machine too


def start_server() -> tuple[str, subprocess.Popen[bytes]]:
    """Start a server of the app on a free port; its address and its process, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    # One thread of torch: several wait for each other on a busy machine, and a step takes a second.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 120
    while not answers(address):
        assert process.poll() is None, f"the server stopped with status {process.returncode}"
        assert time.monotonic() < until, "the server does not answer"
        time.sleep(0.1)
    return address, process


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
    except OSError:
        return False
    return True


@contextmanager
def server() -> Iterator[str]:
    """A fresh server of the app, for as long as it is asked; yields its address."""
    address, process = start_server()
    try:
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium: $CHROMIUM, or Debian's."""
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@contextmanager
def opened(chromium: Browser, **options: object) -> Iterator[Page]:
    """A page of another visitor, with nothing in common with the others'."""
    context = chromium.new_context(**{"viewport": WIDE} | options)
    try:
        page = context.new_page()
        page.set_default_timeout(60_000)
        with faultless(page):
            yield page
    finally:
        context.close()


@contextmanager
def faultless(page: Page) -> Iterator[None]:
    """On leaving it, nothing may have failed in the page or been asked of another machine."""
    faults: list[str] = []
    handlers = {
        "pageerror": lambda error: faults.append(f"exception: {error}"),
        "dialog": lambda dialog: faults.append(f"dialog: {dialog.message}") or dialog.dismiss(),
        "request": lambda request: foreign(request.url) and faults.append(f"request: {request.url}"),
    }
    for event, handler in handlers.items():
        page.on(event, handler)
    yield
    for event, handler in handlers.items():
        page.remove_listener(event, handler)
    assert not faults


def foreign(url: str) -> bool:
    """Whether a request leaves this machine."""
    parts = urlparse(url)
    return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1"


@pytest.fixture(scope="session")
def tab(chromium) -> Iterator[Page]:
    """The page that the tests of a worker take turns on."""
    context = chromium.new_context(viewport=WIDE)
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


@pytest.fixture(scope="session")
def address(tab, tmp_path_factory, testrun_uid) -> Iterator[str]:
    """The server of the whole run, which the workers share. Its model is there: fresh servers are tested apart."""
    with shared(tmp_path_factory.getbasetemp().parent / f"server-{testrun_uid}.json", start_server) as running:
        tab.goto(running)
        tab.get_by_role("button", name="Python").click()
        expect(tab.get_by_role("listbox", name="Tokens")).to_be_visible(timeout=180_000)
        yield running


@pytest.fixture
def page(tab) -> Iterator[Page]:
    """A visitor's page, wide and light, that remembers nothing of a visit before."""
    tab.set_viewport_size(WIDE)
    tab.emulate_media(color_scheme="light")
    with faultless(tab):
        yield tab
        tab.mouse.up()
        tab.mouse.move(0, 0)
        tab.evaluate("localStorage.clear(); sessionStorage.clear()")
        tab.context.clear_cookies()
        tab.goto("about:blank")
