// Gating weights, one row per layer.

import { attributes, make } from "../shared/dom.js";
import { expertFill, inkOn } from "../shared/colour.js";
import { layerName } from "../shared/layer.js";
import { howToReadWeights, rowLabel } from "./words.js";

const DIGIT = 6.6; // width of a digit in a bar, in pixels
const ROWS_ABOVE = 8; // the chosen one, when the list scrolls to it
const BESIDE = 3; // numbers beside a bar, at most

function totalOf(site) {
  return site.chosen.reduce((sum, { weight }) => sum + Math.max(0, weight), 0);
}

export function createWeights({ onSite, signal }) {
  const element = make("section", "part");
  const list = attributes(make("div", "rows"), { role: "listbox", tabindex: "0", "aria-label": "Gating weights by layer" });
  const reading = make("p", "reading");
  element.append(make("h4", "", "Gating weights"), list, reading);
  let panel = null;
  let rows = [];
  let full = 1; // the largest sum of a row's weights
  let current = 0;

  list.addEventListener("click", (event) => {
    const row = event.target.closest(".weights-row");
    if (row) onSite(Number(row.id.slice(1)));
  }, { signal });
  list.addEventListener("keydown", (event) => {
    const last = rows.length - 1;
    const to = { ArrowUp: Math.max(0, current - 1), ArrowDown: Math.min(last, current + 1), Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    onSite(to);
  }, { signal });
  const sizes = new ResizeObserver(fit);
  sizes.observe(list);

  function build(site, index) {
    const row = attributes(make("div", "weights-row"), { role: "option", id: `s${index}`, "aria-selected": "false" });
    attributes(row, { "aria-description": rowLabel(panel.sites, index), title: rowLabel(panel.sites, index) });
    const bar = make("span", "weights-bar");
    for (const { expert, weight } of site.chosen) {
      const part = make("span", "weights-part");
      const fill = expertFill(site.colours[expert], panel.palette, panel.neutral);
      Object.assign(part.style, { width: `${(Math.max(0, weight) / full) * 100}%`, backgroundColor: fill, color: inkOn(fill) });
      bar.append(part);
    }
    const beside = make("span", "weights-beside");
    row.append(make("span", "weights-layer", layerName(site, panel.sites)), bar, beside);
    return { row, bar, beside };
  }

  // An expert's number stands in its part of the bar if it fits, else beside the bar.
  function fit() {
    const room = rows[0]?.bar.clientWidth;
    if (!room) return;
    rows.forEach(({ bar, beside }, index) => {
      const outside = [];
      panel.sites[index].chosen.forEach(({ expert, weight }, slot) => {
        const text = String(expert);
        const fits = (Math.max(0, weight) / full) * room >= text.length * DIGIT + 6;
        bar.children[slot].textContent = fits ? text : "";
        if (!fits) outside.push(text);
      });
      const none = panel.sites[index].chosen.length ? "" : "none";
      beside.textContent = none || outside.slice(0, BESIDE).join(" ") + (outside.length > BESIDE ? " …" : "");
    });
  }

  return {
    element,
    load(next) {
      panel = next;
      full = Math.max(...panel.sites.map(totalOf)) || 1;
      rows = panel.sites.map(build);
      const most = Math.max(...panel.sites.map((site) => site.chosen.length));
      const digits = String(Math.max(...panel.sites.map((site) => site.experts)) - 1).length;
      list.style.setProperty("--beside", `${Math.min(most, BESIDE) * (digits + 1) + (most > BESIDE ? 1 : 0)}ch`);
      const longest = Math.max(...panel.sites.map((site) => layerName(site, panel.sites).length));
      list.style.setProperty("--name", `${longest}ch`);
      list.classList.toggle("many", rows.length > 16);
      list.replaceChildren(...rows.map(({ row }) => row));
      reading.textContent = howToReadWeights(full);
      fit();
    },
    show(site) {
      rows[current]?.row.setAttribute("aria-selected", "false");
      current = site;
      const { row } = rows[site];
      row.setAttribute("aria-selected", "true");
      list.setAttribute("aria-activedescendant", row.id);
      const above = row.offsetTop < list.scrollTop;
      const below = row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight;
      const first = rows[Math.max(0, site - ROWS_ABOVE)].row;
      if (above || below) list.scrollTop = first.offsetTop - list.firstElementChild.offsetTop;
    },
    destroy: () => sizes.disconnect(),
  };
}
