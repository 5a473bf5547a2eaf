// The token strip: one chip per token, in text order.

import { attributes, make } from "../shared/dom.js";
import { rowStarts } from "../shared/text.js";
import { buildChip, chipText, paintChip } from "./chip.js";
import { breakLines, firstLineBelow, sameLines } from "./lines.js";

const AT_ONCE = 48; // chips painted between two looks at the clock
const SLICE = 8; // milliseconds at most, so that a key press never waits
const GAP = 3; // the lengths here are those of style.css
const SIDES = 8;
const NARROWEST = 34;
const DIGIT = 7;
const AROUND_TEXT = 17;
const LINE = 36;
const HIGHEST = 340;
const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 16));
const cancelIdle = window.cancelIdleCallback ?? clearTimeout;

export function createStrip({ onChoose, onHover, signal }) {
  const element = attributes(make("div", "strip"), {
    role: "listbox",
    tabindex: "0",
    "aria-label": "Tokens",
    "aria-description": "Left and right choose a token, up and down choose a layer, and space plays through the layers.",
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
  let reserved = 0; // lines

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
    const before = lines;
    const breaks = breakLines(widths, rowStarts(tokens), room, GAP);
    const kept = sameLines(before, breaks);
    for (const line of before.slice(kept)) line.element.remove();
    lines = breaks.map(([start, end], i) => (i < kept ? before[i] : addLine(start, end)));
    element.style.setProperty("--digits", digits);
    reserve(widths);
    if (painting) paintVisible();
  }

  function addLine(start, end) {
    const line = attributes(make("div", "line"), { role: "presentation" });
    line.append(...chips.slice(start, end).map((chip) => chip.element));
    element.append(line);
    return { element: line, start, end };
  }

  // Room for the lines that are to come, so that nothing below moves with each of them.
  function reserve(widths) {
    const mean = widths.reduce((sum, width) => sum + width + GAP, 0) / widths.length;
    const coming = routing.growing ? Math.ceil((mean * routing.header.expected) / room) : 0;
    reserved = routing.growing ? Math.max(reserved, coming) : 0;
    element.style.minHeight = reserved ? `min(${reserved * LINE}px, ${HIGHEST}px)` : "";
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

  function atEnd() {
    return element.scrollTop + element.clientHeight > element.scrollHeight - LINE;
  }

  function follow() {
    element.scrollTop = element.scrollHeight;
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
      lines = [];
      reserved = 0;
      element.replaceChildren();
      element.scrollTop = 0;
      layOut();
    },
    // More of the same trace. A token's text may change when the rest of a character comes.
    grow(next) {
      const following = !element.matches(":focus") && atEnd();
      routing = next;
      painting = null;
      routing.header.tokens.forEach((label, token) => {
        if (chips[token]?.label === label) return;
        const chip = buildChip(routing, token);
        chips[token]?.element.replaceWith(chip.element);
        if (token === selected) chip.element.setAttribute("aria-selected", "true");
        chips[token] = chip;
      });
      layOut();
      if (following) follow();
    },
    follow,
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
