// The map: one row per layer, one column per token, on a canvas that shows the visible part.

import { attributes, make, pointIn, zoomOf } from "../shared/dom.js";
import { parseHex } from "../shared/colour.js";
import { layerLabel } from "../shared/layer.js";
import { cellAt, mapGeometry, scrollToColumn, visibleColumns } from "./geometry.js";
import { swatchOf } from "./paint.js";
import { drawMap } from "./draw.js";

export function createMap({ onChoose, onHover, signal }) {
  const element = attributes(make("div", "map"), { role: "group", "aria-label": "Routing map" });
  const space = make("div", "map-space");
  const canvas = attributes(make("canvas", "map-canvas"), { role: "img" });
  const context = canvas.getContext("2d");
  space.append(canvas);
  element.append(space);
  let routing = null;
  let geometry = null;
  let painting = null;
  let image = null; // one pixel per cell
  let chosen = null; // {site, token}
  let hovered = null;
  // The last measurements: reading them from the element while a layer changes would force a layout.
  let width = 0;
  let scroll = 0;
  let family = "";

  const cellOf = (event) => {
    const [x, y] = pointIn(canvas, event);
    const cell = x < geometry.gutter ? null : cellAt(geometry, x + element.scrollLeft, y);
    return cell && cell.column < routing.count ? { site: cell.row, token: cell.column } : null;
  };
  canvas.addEventListener("click", (event) => {
    const cell = cellOf(event);
    if (cell) onChoose(cell.token, cell.site);
  }, { signal });
  canvas.addEventListener("pointermove", (event) => hover(cellOf(event), event), { signal });
  canvas.addEventListener("pointerleave", (event) => hover(null, event), { signal });
  element.addEventListener("scroll", () => {
    scroll = element.scrollLeft;
    draw();
  }, { signal, passive: true });
  const sizes = new ResizeObserver(() => {
    measure();
    if (chosen && geometry) reveal(chosen.token);
    draw();
  });
  sizes.observe(element);

  function hover(cell, event) {
    const moved = cell?.token !== hovered?.token;
    hovered = cell;
    onHover(cell, event);
    if (moved) draw();
  }

  function measure() {
    if (!routing || !element.clientWidth) return;
    const { sites } = routing.header;
    family = getComputedStyle(element).fontFamily;
    context.font = fontOf(11);
    const labels = sites.map((site) => context.measureText(layerLabel(site, sites)).width);
    const gutter = Math.ceil(Math.max(...labels)) + 10;
    geometry = mapGeometry(sites.length, routing.header.expected, element.clientWidth, gutter);
    width = Math.min(element.clientWidth, geometry.width);
    element.tabIndex = geometry.width > width ? 0 : -1; // what scrolls can be scrolled with keys
    const ratio = window.devicePixelRatio * zoomOf(element);
    space.style.width = `${geometry.width}px`;
    space.style.height = canvas.style.height = `${geometry.height}px`;
    canvas.style.width = `${width}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(geometry.height * ratio);
  }

  function fontOf(size, weight = 400) {
    return `${weight} ${size}px ${family}`;
  }

  function reveal(token) {
    const next = scrollToColumn(geometry, token, scroll, width);
    if (next !== scroll) element.scrollLeft = next;
    scroll = element.scrollLeft;
  }

  function draw() {
    if (!geometry || !painting) return;
    const { first, last } = visibleColumns(geometry, scroll, width);
    const columns = { first, last: Math.min(last, routing.count) };
    const codes = (site, token) => swatchOf(routing, painting.view, site, token);
    const place = { geometry, columns, width, scroll };
    drawMap(context, { ...painting, ...place, routing, codes, image, chosen, hovered, fontOf });
  }

  function take(next) {
    routing = next;
    image = new OffscreenCanvas(routing.count, routing.header.sites.length);
    const generated = routing.count - routing.firstGenerated;
    const tokens = `${routing.count} tokens${generated ? `, the last ${generated} generated` : ""}`;
    canvas.setAttribute("aria-label", `Routing map: ${routing.header.sites.length} layers by ${tokens}. The list of tokens gives the same in words.`);
  }

  function follow() {
    if (geometry) reveal(routing.count - 1);
  }

  return {
    element,
    load(next) {
      take(next);
      hovered = chosen = painting = null;
      measure();
    },
    // More of the same trace. The visible part stays in view; if it is the end, the map follows the end.
    grow(next) {
      const following = geometry && visibleColumns(geometry, scroll, width).last >= routing.count;
      const before = geometry?.columns;
      take(next);
      if (before !== routing.header.expected) measure();
      if (following) follow();
    },
    follow,
    // Colours every cell anew: for another mode or theme, not for another layer.
    paint({ view, table, theme }) {
      painting = { view, table, theme };
      const [rows, columns] = [image.height, image.width];
      const pixels = new ImageData(columns, rows);
      const words = new Uint32Array(pixels.data.buffer);
      const colours = table.map(({ fill }) => parseHex(fill)).map(([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r);
      for (let site = 0, i = 0; site < rows; site++) {
        for (let token = 0; token < columns; token++, i++) words[i] = colours[swatchOf(routing, view, site, token)];
      }
      image.getContext("2d").putImageData(pixels, 0, 0);
      draw();
    },
    choose(site, token) {
      const moved = chosen?.token !== token;
      chosen = { site, token };
      if (moved && geometry) reveal(token);
      draw();
    },
    destroy: () => sizes.disconnect(),
  };
}
