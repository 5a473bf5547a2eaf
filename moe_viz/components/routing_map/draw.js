// Drawing the visible part of the map from its image of one pixel a cell.

import { layerLabel } from "../shared/layer.js";
import { chipFigures } from "./paint.js";

const NUMBERS_FROM = { width: 16, height: 11 };
const GRID_FROM = { width: 6, height: 7 };
const PLATE_FROM = 10;

export function drawMap(context, scene) {
  const { geometry, width } = scene;
  const ratio = context.canvas.width / width;
  context.setTransform(ratio, 0, 0, ratio, 0, geometry.margin * ratio);
  context.clearRect(0, -geometry.margin, width, geometry.height);
  context.textBaseline = "middle";
  context.save();
  context.beginPath();
  context.rect(geometry.gutter - 1, -geometry.margin, width - geometry.gutter + 1, geometry.height);
  context.clip();
  drawComing(context, scene);
  drawCells(context, scene);
  drawGenerated(context, scene);
  if (scene.chosen) drawChosen(context, scene);
  drawHovered(context, scene);
  context.restore();
  drawLabels(context, scene);
}

function leftOf({ geometry, scroll }, column) {
  return geometry.gutter + column * geometry.cellWidth - scroll;
}

// Where the tokens that are still to come will be.
function drawComing(context, scene) {
  const { geometry, routing, theme } = scene;
  const coming = geometry.columns - routing.count;
  context.fillStyle = theme.panel;
  context.fillRect(leftOf(scene, routing.count), 0, coming * geometry.cellWidth, geometry.rows * geometry.rowHeight);
}

function showsNumbers({ geometry, view }) {
  const { cellWidth, rowHeight } = geometry;
  return view.slot !== null && cellWidth >= NUMBERS_FROM.width && rowHeight >= NUMBERS_FROM.height;
}

function drawCells(context, scene) {
  const { geometry, image, columns, theme } = scene;
  const { cellWidth, rowHeight, rows } = geometry;
  const count = columns.last - columns.first;
  const left = leftOf(scene, columns.first);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, columns.first, 0, count, rows, left, 0, count * cellWidth, rows * rowHeight);
  context.fillStyle = theme.background;
  if (cellWidth >= GRID_FROM.width) {
    for (let i = 1; i <= count; i++) context.fillRect(left + i * cellWidth - 1, 0, 1, rows * rowHeight);
  }
  if (rowHeight >= GRID_FROM.height) {
    for (let row = 1; row <= rows; row++) context.fillRect(left, row * rowHeight - 1, count * cellWidth, 1);
  }
  if (showsNumbers(scene)) {
    for (let column = columns.first; column < columns.last; column++) {
      drawNumbers(context, scene, column, leftOf(scene, column) + (cellWidth - 1) / 2);
    }
  }
}

// A line over the columns of generated tokens, and one before the first of them.
function drawGenerated(context, scene) {
  const { routing, geometry, columns, theme } = scene;
  const from = Math.max(routing.firstGenerated, columns.first);
  if (from >= columns.last) return;
  context.fillStyle = theme.text;
  const start = leftOf(scene, from);
  context.fillRect(start, -geometry.margin, leftOf(scene, columns.last) - start - 1, 1.5);
  if (from === routing.firstGenerated) context.fillRect(start - 1, -geometry.margin, 1.5, geometry.height);
}

function drawNumbers(context, { routing, view, table, geometry, fontOf, codes }, column, x) {
  context.textAlign = "center";
  context.font = fontOf(10);
  for (let row = 0; row < geometry.rows; row++) {
    context.fillStyle = table[codes(row, column)].ink;
    context.fillText(chipFigures(routing, view, row, column).number, x, (row + 0.5) * geometry.rowHeight);
  }
}

// Around the cells, not over them: rows can be four pixels high.
function outline(context, theme, x, y, width, height) {
  for (const [colour, line, away] of [[theme.background, 1, 2], [theme.text, 1.5, 0.75]]) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(x - away, y - away, width + 2 * away, height + 2 * away);
  }
}

function drawChosen(context, scene) {
  const { geometry, chosen, theme, width } = scene;
  const { cellWidth, rowHeight, rows, gutter } = geometry;
  const gap = rowHeight >= GRID_FROM.height ? 1 : 0;
  const right = Math.min(width, leftOf(scene, geometry.columns));
  outline(context, theme, gutter + 1.5, chosen.site * rowHeight, right - gutter - 3, rowHeight - gap);
  const narrow = cellWidth >= GRID_FROM.width ? 1 : 0;
  outline(context, theme, leftOf(scene, chosen.token), 0, cellWidth - narrow, rows * rowHeight - gap);
}

// Where cells are too narrow for numbers, those of the hovered column stand beside it.
function drawHovered(context, scene) {
  const { geometry, hovered, theme, width, view } = scene;
  if (!hovered) return;
  const left = leftOf(scene, hovered.token);
  context.fillStyle = theme.text;
  context.fillRect(left - 1, 0, 1, geometry.rows * geometry.rowHeight);
  context.fillRect(left + geometry.cellWidth - 1, 0, 1, geometry.rows * geometry.rowHeight);
  if (showsNumbers(scene) || view.slot === null || geometry.rowHeight < PLATE_FROM) return;
  const plate = 26;
  const right = left + geometry.cellWidth + 2;
  const x = right + plate <= width ? right : left - plate - 2;
  for (let row = 0; row < geometry.rows; row++) {
    context.fillStyle = scene.table[scene.codes(row, hovered.token)].fill;
    context.fillRect(x, row * geometry.rowHeight, plate, geometry.rowHeight - 1);
  }
  drawNumbers(context, scene, hovered.token, x + plate / 2);
}

function drawLabels(context, { routing, geometry, chosen, theme, fontOf }) {
  const { sites } = routing.header;
  const near = (row) => chosen && row !== chosen.site && Math.abs(row - chosen.site) < geometry.labelEvery;
  context.textAlign = "right";
  for (let row = 0; row < geometry.rows; row++) {
    const bold = row === chosen?.site;
    if (!bold && (row % geometry.labelEvery || near(row))) continue;
    context.font = fontOf(11, bold ? 700 : 400);
    context.globalAlpha = bold ? 1 : 0.75;
    context.fillStyle = theme.text;
    context.fillText(layerLabel(sites[row], sites), geometry.gutter - 6, (row + 0.5) * geometry.rowHeight);
  }
  context.globalAlpha = 1;
}
