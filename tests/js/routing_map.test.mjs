import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, parseHex } from "../../moe_viz/components/shared/colour.js";
import { cellAt, mapGeometry, scrollToColumn, visibleColumns } from "../../moe_viz/components/routing_map/geometry.js";
import { breakLines, firstLineBelow, sameLines } from "../../moe_viz/components/routing_map/lines.js";
import { chipFigures, swatchCodes, swatchOf, swatches } from "../../moe_viz/components/routing_map/paint.js";
import { NO_EXPERT, decode } from "../../moe_viz/components/routing_map/payload.js";
import { chipLabel, facts, howToRead, rank } from "../../moe_viz/components/routing_map/reading.js";
import { NEUTRAL_GREY, PALETTE, small } from "./payload.mjs";

const LIGHT = { text: "#31333f", background: "#ffffff", panel: "#f0f2f6" };
const DARK = { text: "#fafafa", background: "#0e1117", panel: "#262730" };
const first = { slot: 0, highlight: null };

for (const shift of [0, 1, 3]) {
  test(`decode reads what was packed, ${shift} bytes into its buffer`, () => {
    const routing = decode(small({ shift }));
    assert.equal(routing.count, 3);
    assert.equal(routing.expert(0, 0, 0), 3);
    assert.equal(routing.expert(1, 1, 1), 2);
    assert.equal(routing.expert(1, 2, 0), NO_EXPERT);
    assert.equal(routing.share(0, 0, 0), 1);
    assert.equal(routing.share(0, 1, 1), 0, "a weight of zero is not the same as no expert");
    assert.equal(routing.expert(0, 1, 1), 2);
    assert.equal(routing.generated(2), true);
    assert.equal(routing.entropy(0, 1), 0.5);
    assert.equal(routing.entropy(1, 0), null);
  });
}

test("weights come back within half a step, with 16 and with 8 bits", () => {
  for (const [bits, text] of [[16, "0.400"], [8, "≈ 50 % of 0.80"]]) {
    const routing = decode(small({ bits }));
    assert.ok(Math.abs(routing.share(0, 0, 1) - 0.5) <= 0.5 / (2 ** bits - 2));
    assert.equal(facts(routing, 0, 0).chosen[1].weight, text);
  }
});

test("a trace without entropy says so", () => {
  const routing = decode(small({ entropy: false }));
  assert.equal(routing.hasEntropy, false);
  assert.equal(routing.entropy(0, 0), null);
});

test("a token has the colour of the expert in the chosen slot", () => {
  const routing = decode(small());
  const codes = swatchCodes(PALETTE);
  assert.equal(swatchOf(routing, first, 0, 0), codes.neutral);
  assert.equal(swatchOf(routing, { slot: 1, highlight: null }, 0, 0), 0);
  assert.equal(swatchOf(routing, first, 1, 0), 2);
  assert.equal(swatchOf(routing, first, 1, 2), codes.none);
  assert.deepEqual(chipFigures(routing, first, 1, 2), { number: "–", share: 0 });
});

test("an expert is highlighted in whatever slot it was chosen, with its own number, colour and weight", () => {
  const routing = decode(small());
  const view = { slot: 0, highlight: 0 };
  assert.equal(swatchOf(routing, view, 0, 0), 0);
  assert.deepEqual(chipFigures(routing, view, 0, 0), { number: "0", share: routing.share(0, 0, 1) });
  assert.equal(swatchOf(routing, view, 0, 1), swatchCodes(PALETTE).faded);
  assert.equal(swatchOf(routing, view, 1, 2), swatchCodes(PALETTE).faded, "no expert is not expert 0");
});

test("entropy has a ramp from none to the most, and its own swatch when missing", () => {
  const routing = decode(small());
  const view = { slot: null, highlight: null };
  const table = swatches(routing.header, LIGHT);
  assert.equal(table[swatchOf(routing, view, 0, 0)].fill, LIGHT.panel);
  assert.equal(swatchOf(routing, view, 0, 2), table.length - 1);
  assert.equal(swatchOf(routing, view, 1, 0), swatchCodes(PALETTE).none);
});

test("ink on every swatch has a contrast of 4.5 or more in both themes", () => {
  for (const theme of [LIGHT, DARK]) {
    for (const neutral of [NEUTRAL_GREY, "#4b5160"]) {
      for (const { fill, ink } of swatches({ palette: PALETTE, neutral }, theme)) {
        assert.ok(contrast(parseHex(fill), parseHex(ink)) >= 4.5, `${ink} on ${fill}`);
      }
    }
  }
});

test("lines break where a row begins and where the room ends", () => {
  assert.deepEqual(breakLines([10, 10, 10, 10], [0], 33, 2), [[0, 2], [2, 4]]);
  assert.deepEqual(breakLines([10, 10, 10], [0, 1], 100, 2), [[0, 1], [1, 3]]);
  assert.deepEqual(breakLines([99, 10], [0], 50, 2), [[0, 1], [1, 2]]);
});

test("lines are as they were up to the first that changed", () => {
  const lines = [[0, 2], [2, 5], [5, 6]].map(([start, end]) => ({ start, end }));
  assert.equal(sameLines(lines, [[0, 2], [2, 5], [5, 6], [6, 9]]), 3);
  assert.equal(sameLines(lines, [[0, 2], [2, 5], [5, 9]]), 2);
  assert.equal(sameLines(lines, [[0, 2], [2, 4], [4, 6]]), 1);
  assert.equal(sameLines(lines, [[0, 1], [1, 5], [5, 6]]), 0, "a later line that is as before does not count");
  assert.equal(sameLines(lines, [[0, 2]]), 1);
  assert.equal(sameLines([], [[0, 2]]), 0);
});

test("generated tokens are told apart in words, and the legend says by what sign", () => {
  const routing = decode(small());
  assert.equal(routing.firstGenerated, 2);
  assert.match(chipLabel(routing, first, 0, 2), /generated/);
  assert.doesNotMatch(chipLabel(routing, first, 0, 1), /generated/);
  assert.match(howToRead(routing, first, 0), /Round chips .* generated/);
  const none = decode(small({ generated: [0, 0, 0] }));
  assert.equal(none.firstGenerated, none.count);
  assert.doesNotMatch(howToRead(none, first, 0), /generated/);
});

test("a trace grows until the tokens that it is expected to have are there", () => {
  assert.equal(decode(small({ expected: 9 })).growing, true);
  assert.equal(decode(small()).growing, false);
});

test("the first line below a height", () => {
  const bottomOf = (line) => (line + 1) * 10;
  assert.equal(firstLineBelow(5, bottomOf, 0), 0);
  assert.equal(firstLineBelow(5, bottomOf, 10), 1);
  assert.equal(firstLineBelow(5, bottomOf, 99), 5);
});

test("cells keep to their sizes and are found again", () => {
  const wide = mapGeometry(61, 4096, 800, 30);
  assert.deepEqual([wide.cellWidth, wide.rowHeight, wide.width], [3, 4, 30 + 4096 * 3]);
  const tall = mapGeometry(2, 5, 800, 30);
  assert.deepEqual([tall.cellWidth, tall.rowHeight], [36, 18]);
  const x = 30 + 3 * 100 + 1;
  assert.deepEqual(cellAt(wide, x, wide.margin + 4 * 60 + 1), { row: 60, column: 100 });
  assert.equal(cellAt(wide, 29, 10), null);
  assert.equal(cellAt(wide, x, wide.height - 1), null);
  assert.deepEqual(visibleColumns(wide, 300, 330), { first: 100, last: 200 });
});

test("a column is scrolled to only if it cannot be seen", () => {
  const map = mapGeometry(2, 1000, 330, 30);
  assert.equal(scrollToColumn(map, 50, 0, 330), 0);
  assert.equal(scrollToColumn(map, 100, 0, 330), 3);
  assert.equal(scrollToColumn(map, 10, 300, 330), 30);
});

test("the words name layer, expert, weight and what is missing", () => {
  const routing = decode(small());
  assert.equal(chipLabel(routing, first, 0, 2), "2: ⏎x, generated, layer 1, expert 2, weight 0.800");
  assert.equal(chipLabel(routing, first, 1, 2), "2: ⏎x, generated, layer 3, no expert (dropped)");
  assert.equal(facts(routing, 1, 2).dropped, "no expert (dropped)");
  assert.equal(facts(routing, 0, 0).entropy, "entropy 0.00 of at most 1.39 nats");
  assert.match(howToRead(routing, first, 0), /the largest gating weight \(grey: not among the layer’s 3 busiest\)/);
  assert.match(howToRead(routing, { slot: 0, highlight: 2 }, 0), /expert 2 of the layer/);
  assert.deepEqual([0, 1, 2, 3, 7].map(rank), ["largest", "2nd largest", "3rd largest", "4th largest", "8th largest"]);
});
