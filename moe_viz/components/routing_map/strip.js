// The token strip: one chip a token, in text order.

import { attributes, make } from "../shared/dom.js";
import { clip, rowStarts, visibleParts } from "../shared/text.js";
import { chipFigures, swatchOf } from "./paint.js";
import { chipLabel } from "./reading.js";

const LONGEST = 28;
const AT_ONCE = 48; // chips painted between two looks at the clock
const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 16));
const cancelIdle = window.cancelIdleCallback ?? clearTimeout;

function buildChip(routing, token) {
  const element = attributes(make("div", "chip"), { role: "option", id: `t${token}`, "aria-selected": "false" });
  const nameless = routing.nameless.has(token);
  if (routing.generated(token)) element.classList.add("generated");
  const text = attributes(make("bdi", nameless ? "text name" : "text"), { dir: "auto" });
  const label = clip(routing.header.tokens[token], LONGEST);
  if (nameless) text.textContent = label;
  else for (const part of visibleParts(label)) text.append(part.mark ? make("span", "mark", part.text) : part.text);
  const number = document.createTextNode("");
  const badge = make("span", "number");
  badge.append(number);
  const bar = make("i", "bar");
  element.append(text, badge, bar);
  return { element, number, bar, code: -1, painted: 0 };
}

export function createStrip({ onChoose, onHover, signal }) {
  const element = attributes(make("div", "strip"), {
    role: "listbox",
    tabindex: "0",
    "aria-label": "Tokens",
    "aria-description": "Left and right choose a token, up and down a layer, space plays through the layers.",
  });
  let chips = [];
  let tops = new Float32Array(0);
  let bottoms = new Float32Array(0);
  let painting = null; // {routing, view, site, table}
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

  const sizes = new ResizeObserver(() => {
    tops = Float32Array.from(chips, (chip) => chip.element.offsetTop);
    bottoms = Float32Array.from(chips, (chip, i) => tops[i] + chip.element.offsetHeight);
  });
  sizes.observe(element);

  function paintChip(token) {
    const chip = chips[token];
    if (chip.painted === version) return;
    chip.painted = version;
    const { routing, view, site, table } = painting;
    const code = swatchOf(routing, view, site, token);
    if (chip.code !== code) {
      chip.code = code;
      chip.element.style.backgroundColor = table[code].fill;
      chip.element.style.color = table[code].ink;
    }
    const { number, share } = chipFigures(routing, view, site, token);
    if (chip.number.data !== number) chip.number.data = number;
    chip.bar.style.backgroundSize = `${(share * 100).toFixed(1)}% 100%`;
    chip.element.setAttribute("aria-label", chipLabel(routing, view, site, token));
  }

  function firstBelow(height) {
    let [low, high] = [0, bottoms.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bottoms[middle] < height) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function paintVisible() {
    const top = element.scrollTop;
    const bottom = top + element.clientHeight;
    for (let i = firstBelow(top); i < chips.length && tops[i] < bottom; i++) paintChip(i);
  }

  function paintRest(from, deadline) {
    let i = from;
    do {
      for (const end = Math.min(i + AT_ONCE, chips.length); i < end; i++) paintChip(i);
    } while (i < chips.length && deadline.timeRemaining() > 3);
    idle = i < chips.length ? whenIdle((next) => paintRest(i, next)) : null;
  }

  return {
    element,
    load(routing) {
      chips = Array.from(routing.header.tokens, (_, token) => buildChip(routing, token));
      selected = null;
      const starts = [...rowStarts(routing.header.tokens), chips.length];
      const rows = starts.slice(0, -1).map((start, i) => {
        const row = attributes(make("div", "row"), { role: "presentation" });
        row.append(...chips.slice(start, starts[i + 1]).map((chip) => chip.element));
        return row;
      });
      const most = Math.max(...routing.header.sites.map((site) => site.experts)) - 1;
      element.style.setProperty("--digits", String(most).length);
      element.replaceChildren(...rows);
      element.scrollTop = 0;
      sizes.unobserve(element);
      sizes.observe(element);
    },
    // What can be seen is painted at once, the rest when the browser is idle.
    paint(next) {
      if (painting?.table !== next.table) for (const chip of chips) chip.code = -1;
      painting = next;
      version += 1;
      if (idle !== null) cancelIdle(idle);
      idle = null;
      if (tops.length === chips.length) paintVisible();
      else for (let i = 0; i < chips.length; i++) paintChip(i);
      idle = whenIdle((deadline) => paintRest(0, deadline));
    },
    select(token) {
      if (selected !== null) chips[selected].element.setAttribute("aria-selected", "false");
      selected = token;
      paintChip(token);
      chips[token].element.setAttribute("aria-selected", "true");
      element.setAttribute("aria-activedescendant", `t${token}`);
      const chip = chips[token].element;
      const [top, bottom] = [chip.offsetTop - 6, chip.offsetTop + chip.offsetHeight + 12];
      if (top < element.scrollTop) element.scrollTop = top;
      else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
    },
    destroy() {
      sizes.disconnect();
      if (idle !== null) cancelIdle(idle);
    },
  };
}
