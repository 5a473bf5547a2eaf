// One token's chip.

import { attributes, make } from "../shared/dom.js";
import { clip, visibleParts, visibleText } from "../shared/text.js";
import { chipFigures, swatchOf } from "./paint.js";
import { chipLabel } from "./reading.js";

const LONGEST = 28;

export function chipText(routing, token) {
  const label = clip(routing.header.tokens[token], LONGEST);
  return routing.nameless.has(token) ? label : visibleText(label);
}

export function buildChip(routing, token) {
  const element = attributes(make("div", "chip"), { role: "option", id: `t${token}`, "aria-selected": "false" });
  if (routing.generated(token)) element.classList.add("generated");
  const nameless = routing.nameless.has(token);
  const text = attributes(make("bdi", nameless ? "text name" : "text"), { dir: "auto" });
  const label = clip(routing.header.tokens[token], LONGEST);
  if (nameless) text.textContent = label;
  else for (const part of visibleParts(label)) text.append(part.faint ? make("span", "faint", part.text) : part.text);
  const number = document.createTextNode("");
  const badge = make("span", "number");
  badge.append(number);
  const bar = make("i", "bar");
  element.append(text, badge, bar);
  return { element, number, bar, label: routing.header.tokens[token], code: -1, painted: 0 };
}

// scene: {routing, view, site, table}
export function paintChip(chip, token, { routing, view, site, table }) {
  const code = swatchOf(routing, view, site, token);
  if (chip.code !== code) {
    chip.code = code;
    chip.element.style.backgroundColor = table[code].fill;
    chip.element.style.color = table[code].ink;
  }
  const { number, share } = chipFigures(routing, view, site, token);
  if (chip.number.data !== number) chip.number.data = number;
  chip.bar.style.backgroundSize = `${(share * 100).toFixed(1)}% 100%`;
  chip.element.setAttribute("aria-description", chipLabel(routing, view, site, token));
}
