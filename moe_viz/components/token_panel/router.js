// The scores of the router at the current layer for all its experts.

import { attributes, make, pointIn } from "../shared/dom.js";
import { expertFill } from "../shared/colour.js";
import { layerName } from "../shared/layer.js";
import { bars, labelStep } from "./chart.js";
import { expertLines, number, summary } from "./words.js";

const HEIGHT = 112;
const TOP = 16;
const AXIS = 16;
const NARROWEST_CHOSEN = 3;

function svg(tag, values, text) {
  const element = attributes(document.createElementNS("http://www.w3.org/2000/svg", tag), values);
  if (text !== undefined) element.textContent = text;
  return element;
}

export function createRouter({ signal }) {
  const element = make("section", "part");
  const heading = make("h4");
  const chart = attributes(make("div", "chart"), { role: "slider", tabindex: "0", "aria-valuemin": "0" });
  const drawing = svg("svg", { "aria-hidden": "true", height: TOP + HEIGHT + AXIS });
  const readout = attributes(make("div", "readout"), { "aria-hidden": "true" });
  const lines = make("div", "lines");
  const reading = make("p", "reading");
  chart.append(drawing);
  element.append(heading, chart, readout, lines, reading);
  let panel = null;
  let site = null;
  let width = 0;
  let pitch = 1;
  let pointed = 0;
  const marker = svg("rect", { class: "pointed", y: 0, height: TOP + HEIGHT });

  chart.addEventListener("pointermove", (event) => point(Math.floor(pointIn(chart, event)[0] / pitch)), { signal });
  chart.addEventListener("pointerleave", () => point(restingExpert()), { signal });
  chart.addEventListener("keydown", (event) => {
    const last = site.experts - 1;
    const moves = { ArrowLeft: pointed - 1, ArrowDown: pointed - 1, ArrowRight: pointed + 1, ArrowUp: pointed + 1, Home: 0, End: last };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    point(moves[event.key]);
  }, { signal });
  const sizes = new ResizeObserver(() => {
    width = chart.clientWidth;
    if (site?.scores) draw();
  });
  sizes.observe(chart);

  function restingExpert() {
    return site.chosen[0]?.expert ?? 0;
  }

  function point(expert) {
    pointed = Math.min(Math.max(expert, 0), site.experts - 1);
    const told = expertLines(site, pointed);
    readout.replaceChildren(...told.map((line) => make("div", "", line)));
    attributes(chart, { "aria-valuenow": pointed, "aria-valuetext": told.join(", ") });
    attributes(marker, { x: pointed * pitch, width: pitch });
  }

  function draw() {
    if (!width) return;
    const laid = bars(site.scores, width, HEIGHT);
    pitch = laid.pitch;
    const chosen = new Set(site.chosen.map(({ expert }) => expert));
    const rest = laid.bars.filter(({ expert }) => !chosen.has(expert));
    const outlines = rest.map((box) => `M${box.x} ${TOP + box.y}h${box.width}v${box.height}h${-box.width}z`);
    const lit = [...chosen].map((expert) => {
      const box = laid.bars[expert];
      const wide = Math.max(box.width, NARROWEST_CHOSEN);
      const x = box.x - (wide - box.width) / 2;
      const bar = svg("rect", { class: "lit", x, y: TOP + box.y, width: wide, height: box.height });
      bar.style.fill = expertFill(site.colours[expert], panel.palette, panel.neutral);
      return bar;
    });
    const base = svg("line", { class: "base", x1: 0, x2: width, y1: TOP + laid.zero, y2: TOP + laid.zero });
    const most = svg("text", { class: "tick", x: width, y: 10, "text-anchor": "end" }, `tallest ${number(laid.high)}`);
    drawing.setAttribute("width", width);
    drawing.classList.toggle("dense", pitch < 6);
    drawing.replaceChildren(marker, svg("path", { class: "unlit", d: outlines.join("") }), ...lit, base, most, ...axis(chosen));
    point(pointed);
  }

  // The chosen experts' numbers, and as many of the other numbers as fit between them.
  function axis(chosen) {
    const step = labelStep(site.experts, pitch);
    const needed = String(site.experts - 1).length * 6 + 6;
    const taken = [];
    const place = (expert, className) => {
      const x = (expert + 0.5) * pitch;
      if (taken.some((other) => Math.abs(other - x) < needed)) return [];
      taken.push(x);
      const inside = Math.min(Math.max(x, needed / 2 - 3), site.experts * pitch - needed / 2 + 3);
      return [svg("text", { class: className, x: inside, y: TOP + HEIGHT + 13, "text-anchor": "middle" }, String(expert))];
    };
    const others = Array.from({ length: Math.ceil(site.experts / step) }, (_, i) => i * step);
    return [...[...chosen].flatMap((expert) => place(expert, "tick chosen")), ...others.flatMap((expert) => place(expert, "tick"))];
  }

  return {
    element,
    load(next) {
      panel = next;
    },
    show(index) {
      site = panel.sites[index];
      const name = layerName(site, panel.sites);
      heading.textContent = `Router at ${name}, all ${site.experts} experts`;
      lines.replaceChildren(...summary(site).map((line) => make("div", "", line)));
      chart.hidden = readout.hidden = !site.scores;
      if (site.scores) {
        attributes(chart, { "aria-valuemax": site.experts - 1, "aria-label": `Experts of ${name}` });
        pointed = restingExpert();
        draw();
        reading.textContent = `The bars show the ${site.score_name} of every expert. The chosen experts are in colour.`;
      } else {
        reading.textContent = "This source has no router logits, so the scores of the experts that were not chosen are unknown.";
      }
    },
    destroy: () => sizes.disconnect(),
  };
}
