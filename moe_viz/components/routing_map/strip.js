// The token strip: one chip a token, in text order.

import { attributes, make } from "../shared/dom.js";
import { rowStarts } from "../shared/text.js";
import { buildChip, chipText, paintChip } from "./chip.js";
import { breakLines, firstLineBelow } from "./lines.js";

const AT_ONCE = 48; // chips painted between two looks at the clock
const SLICE = 8; // milliseconds at most, so that a key press never waits
const GAP = 3; // the lengths here are those of style.css
const SIDES = 8;
const NARROWEST = 34;
const DIGIT = 7;
const AROUND_TEXT = 17;
const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 16));
const cancelIdle = window.cancelIdleCallback ?? clearTimeout;

export function createStrip({ onChoose, onHover, signal }) {
  const element = attributes(make("div", "strip"), {
    role: "listbox",
    tabindex: "0",
    "aria-label": "Tokens",
    "aria-description": "Left and right choose a token, up and down a layer, space plays through the layers.",
  });
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  let routing = null;
  let chips = [];
  let lines = []; // {element, start, end}
  let room = 0;
  let painting = null;
  let version = 0;
  let idle = null;
  let selected = null;

  const tokenOf = (target) => {
    const chip = target instanceof Element ? target.closest(".chip") : null;
    return chip ? Number(chip.id.slice(1)) : null;
  };
  element.addEventListener("click", (event) => {
    const token = tokenOf(event.target);
    if (token !== null) onChoose(token);
  }, { signal });
  element.addEventListener("pointerover", (event) => onHover(tokenOf(event.target), event), { signal });
  element.addEventListener("pointerleave", (event) => onHover(null, event), { signal });
  element.addEventListener("scroll", () => paintVisible(), { signal, passive: true });
  document.fonts.addEventListener("loadingdone", () => layOut(), { signal });
  const sizes = new ResizeObserver(() => element.clientWidth - SIDES !== room && layOut());
  sizes.observe(element);

  function layOut() {
    if (!routing || !element.clientWidth) return;
    room = element.clientWidth - SIDES;
    pen.font = `13px ${getComputedStyle(element).getPropertyValue("--code")}`;
    const { tokens, sites } = routing.header;
    const digits = String(Math.max(...sites.map((site) => site.experts)) - 1).length;
    const around = AROUND_TEXT + digits * DIGIT;
    const known = new Map();
    const widths = tokens.map((label, token) => {
      if (!known.has(label)) known.set(label, Math.max(NARROWEST, Math.ceil(pen.measureText(chipText(routing, token)).width) + around));
      return known.get(label);
    });
    lines = breakLines(widths, rowStarts(tokens), room, GAP).map(([start, end]) => {
      const line = attributes(make("div", "line"), { role: "presentation" });
      line.append(...chips.slice(start, end).map((chip) => chip.element));
      return { element: line, start, end };
    });
    element.style.setProperty("--digits", digits);
    element.replaceChildren(...lines.map((line) => line.element));
    if (painting) paintVisible();
  }

  function paintOnce(token) {
    const chip = chips[token];
    if (chip.painted === version) return;
    chip.painted = version;
    paintChip(chip, token, painting);
  }

  function paintVisible() {
    const bottomOf = (line) => lines[line].element.offsetTop + lines[line].element.offsetHeight;
    const top = element.scrollTop;
    const first = firstLineBelow(lines.length, bottomOf, top);
    const last = firstLineBelow(lines.length, bottomOf, top + element.clientHeight);
    const end = lines[Math.min(last, lines.length - 1)]?.end ?? 0;
    for (let token = lines[first]?.start ?? 0; token < end; token++) paintOnce(token);
  }

  function paintRest(from, deadline) {
    const until = performance.now() + SLICE;
    let i = from;
    do {
      for (const end = Math.min(i + AT_ONCE, chips.length); i < end; i++) paintOnce(i);
    } while (i < chips.length && deadline.timeRemaining() > 3 && performance.now() < until);
    idle = i < chips.length ? whenIdle((next) => paintRest(i, next)) : null;
  }

  function reveal(token) {
    const line = lines.find(({ end }) => token < end)?.element;
    if (!line) return;
    const bottom = line.offsetTop + line.offsetHeight;
    if (line.offsetTop < element.scrollTop) element.scrollTop = line.offsetTop;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  }

  return {
    element,
    load(next) {
      routing = next;
      painting = selected = null;
      chips = Array.from(routing.header.tokens, (_, token) => buildChip(routing, token));
      element.scrollTop = 0;
      layOut();
    },
    // What can be seen is painted at once, the rest when the browser is idle.
    paint(scene) {
      if (painting?.table !== scene.table) for (const chip of chips) chip.code = -1;
      painting = scene;
      version += 1;
      if (idle !== null) cancelIdle(idle);
      paintVisible();
      idle = whenIdle((deadline) => paintRest(0, deadline));
    },
    select(token) {
      if (selected !== null) chips[selected].element.setAttribute("aria-selected", "false");
      selected = token;
      paintOnce(token);
      chips[token].element.setAttribute("aria-selected", "true");
      element.setAttribute("aria-activedescendant", `t${token}`);
      reveal(token);
    },
    destroy() {
      sizes.disconnect();
      if (idle !== null) cancelIdle(idle);
    },
  };
}
