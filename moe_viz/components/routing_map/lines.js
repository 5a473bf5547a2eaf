// Breaking the strip into lines, so that the browser can skip every line out of sight.

// widths: of the chips; starts: where rows must begin. Gives [start, end) for each line.
export function breakLines(widths, starts, room, gap) {
  const forced = new Set(starts);
  const lines = [];
  let from = 0;
  let used = 0;
  widths.forEach((width, i) => {
    if (i > from && (forced.has(i) || used + gap + width > room)) {
      lines.push([from, i]);
      from = i;
      used = 0;
    }
    used += used ? gap + width : width;
  });
  return [...lines, [from, widths.length]];
}

// How many lines, from the first on, are still where they were.
export function sameLines(lines, breaks) {
  const changed = lines.findIndex(({ start, end }, i) => breaks[i]?.[0] !== start || breaks[i][1] !== end);
  return changed < 0 ? lines.length : changed;
}

// The first of `count` lines, in order from top to bottom, whose lower edge is below a height.
export function firstLineBelow(count, bottomOf, height) {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bottomOf(middle) <= height) low = middle + 1;
    else high = middle;
  }
  return low;
}
