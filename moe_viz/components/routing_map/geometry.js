// Where the map's cells lie. All lengths in CSS pixels.

const ROWS_HEIGHT = 260;
const LABEL_SPACE = 14;
const MARGIN = 5; // above and below the cells, for outlines and labels

export function mapGeometry(rows, columns, width, gutter) {
  const rowHeight = Math.min(18, Math.max(4, Math.floor(ROWS_HEIGHT / rows)));
  const fitting = Math.floor((64 * (width - gutter)) / columns) / 64; // a hair less than all the width
  const cellWidth = Math.min(36, Math.max(3, fitting));
  return {
    rows,
    columns,
    gutter,
    rowHeight,
    cellWidth,
    width: gutter + columns * cellWidth,
    margin: MARGIN,
    height: rows * rowHeight + 2 * MARGIN,
    labelEvery: Math.ceil(LABEL_SPACE / rowHeight),
  };
}

// The cell at a point, counted from the top left of the whole map. Null outside the cells.
export function cellAt(geometry, x, y) {
  const column = Math.floor((x - geometry.gutter) / geometry.cellWidth);
  const row = Math.floor((y - geometry.margin) / geometry.rowHeight);
  const inside = column >= 0 && column < geometry.columns && row >= 0 && row < geometry.rows;
  return inside ? { row, column } : null;
}

// The columns that can be seen, from first up to (not with) last.
export function visibleColumns(geometry, scrollLeft, width) {
  const first = Math.floor(scrollLeft / geometry.cellWidth);
  const last = Math.ceil((scrollLeft + width - geometry.gutter) / geometry.cellWidth);
  return { first: Math.max(0, first), last: Math.min(geometry.columns, last) };
}

// The scroll position, nearest to the present one, at which a column can be seen whole.
export function scrollToColumn(geometry, column, scrollLeft, width) {
  const left = column * geometry.cellWidth;
  const right = left + geometry.cellWidth;
  const room = width - geometry.gutter;
  if (left < scrollLeft) return left;
  return right > scrollLeft + room ? right - room : scrollLeft;
}
