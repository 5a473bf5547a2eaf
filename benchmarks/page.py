"""How fast the pages are: a real server and Chromium on this machine, in wall-clock time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from moe_viz.components import pack_routing_map
from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite, Scoring
from moe_viz.data.trace import RoutingTrace
from moe_viz.figures.theme import NEUTRAL, PALETTE
from tests.browser.conftest import browser, opened, server
from tests.browser.steps import chips, start

TEXT = "The river was very quiet that evening, and nobody in the little boat spoke a word. " * 11

_SWITCH = """
async (slider) => {
  const root = slider.getRootNode();
  const afterPaint = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(null);
  }));
  const handled = [], painted = [];
  for (let i = 0; i < 40; i++) {
    await afterPaint();
    const start = performance.now();
    slider.value = String((Number(slider.value) + 1) % (Number(slider.max) + 1));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    root.querySelector(".strip").getBoundingClientRect();
    handled.push(performance.now() - start);
    await afterPaint();
    painted.push(performance.now() - start);
  }
  return { handled, painted };
}
"""

_CLICK = """
async (strip) => {
  const roots = [...document.querySelectorAll("*")].map((element) => element.shadowRoot).filter(Boolean);
  const panel = roots.find((root) => root.querySelector(".token-panel"));
  const times = [];
  for (let i = 0; i < 30; i++) {
    const token = 3 + i * 5;
    const start = performance.now();
    strip.querySelector(`#t${token}`).click();
    while (!panel.querySelector("h3").textContent.startsWith(`Token ${token} `)) {
      await new Promise((done) => setTimeout(done, 2));
      if (performance.now() - start > 10000) throw new Error("the panel did not follow");
    }
    times.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 150));
  }
  return times;
}
"""


def report() -> Iterator[str]:
    """One line per measurement."""
    with server() as address, browser() as chromium:
        yield from _first_paint(chromium, address)
        with opened(chromium) as page:
            yield from _run_and_click(page, address)
            yield from _layer_switch(page, "512 tokens × 32 layers × 64 experts, top-8", 512, 32, 64)
            yield from _layer_switch(page, "4,096 tokens × 61 layers × 256 experts, top-8", 4096, 61, 256)


def _first_paint(chromium: Any, address: str) -> Iterator[str]:
    times = []
    for _ in range(6):
        with opened(chromium) as page:
            begun = time.perf_counter()
            page.goto(address)
            page.get_by_text("Nothing to show yet").wait_for()
            times.append(time.perf_counter() - begun)
    yield f"| first paint, fresh server and browser | {times[0]:.2f} s | |"
    yield f"| first paint, later visitors (no browser cache) | median {median(times[1:]):.2f} s | 5 |"


def _run_and_click(page: Any, address: str) -> Iterator[str]:
    start(page, address)
    times = []
    for number in range(9):
        page.get_by_role("textbox", name="Text", exact=True).fill(f"{number} {TEXT}")
        begun = time.perf_counter()
        page.get_by_role("button", name="Show routing").click()
        chips(page).first.locator(f"text='{number}'").wait_for()
        times.append(time.perf_counter() - begun)
        page.wait_for_timeout(500)
    count = chips(page).count()
    yield f"| button to finished map, {count} tokens, warm | median {median(times[1:]):.2f} s | 8 |"
    clicks = page.get_by_role("listbox", name="Tokens").evaluate(_CLICK)
    p95 = sorted(clicks)[int(0.95 * len(clicks))]
    yield f"| click on a token to the updated panel | p50 {median(clicks):.0f} ms, p95 {p95:.0f} ms | {len(clicks)} |"


def _layer_switch(page: Any, name: str, tokens: int, layers: int, experts: int) -> Iterator[str]:
    trace = _invented(tokens, layers, experts)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "invented.moetrace"
        trace.save(path)
        page.get_by_text("Saved traces").click()
        page.locator('input[type="file"]').set_input_files(path)
        page.get_by_text(f"{tokens:,} tokens · {layers} routers").wait_for()
        page.wait_for_timeout(4000)
        page.get_by_text("Saved traces").click()
    slider = page.get_by_role("slider", name="Layer", exact=True)
    times = slider.evaluate(_SWITCH)
    for what, values in (("handled and laid out", times["handled"]), ("painted", times["painted"])):
        yield f"| layer switch, {name}: {what} | median {median(values):.0f} ms, worst {max(values):.0f} ms | 40 |"
    yield f"| payload, {name} | {len(pack_routing_map(trace, None, PALETTE, NEUTRAL)) / 1e6:.2f} MB | |"


def _invented(tokens: int, layers: int, experts: int) -> RoutingTrace:
    chance = np.random.default_rng(0)
    ids = np.argsort(chance.random((layers, tokens, experts), dtype=np.float32), axis=-1)[..., :8]
    weights = np.sort(chance.dirichlet(np.ones(8), (layers, tokens)), axis=-1)[..., ::-1]
    words = tuple(f" word{i % 977}" for i in range(tokens))
    return RoutingTrace(
        tokens=words,
        token_names=words,
        token_ids=np.arange(tokens),
        generated=np.zeros(tokens, dtype=bool),
        sites=tuple(RouterSite(f"layers.{i}", i, experts, 8, scoring=Scoring("softmax", True)) for i in range(layers)),
        expert_ids=ids,
        gate_weights=weights,
        router_logits=None,
        provenance=Provenance("invented", None, "invented", "none", "none", "benchmarks", (), "2026-01-01T00:00:00"),
    )
