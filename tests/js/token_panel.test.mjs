import assert from "node:assert/strict";
import { test } from "node:test";
import { bars, labelStep } from "../../moe_viz/components/token_panel/chart.js";
import { cameNext, expertLines, howToReadWeights, number, quoted, rowLabel, summary } from "../../moe_viz/components/token_panel/words.js";

const site = {
  layer: 3,
  stack: "decoder",
  experts: 3,
  chosen: [{ expert: 2, weight: 0.75 }],
  scores: [0.1, 0.2, 0.7],
  score_name: "router probability",
  selection: null,
};

test("bars stand on the zero line and are as tall as their scores", () => {
  const { bars: laid, zero, high } = bars([0.5, 0, 1], 300, 100);
  assert.deepEqual([zero, high], [100, 1]);
  assert.deepEqual([laid[0].y, laid[0].height], [50, 50]);
  assert.ok(laid[2].x + laid[2].width <= 300);
});

test("negative scores hang below the line, and unknown ones are flat", () => {
  const { bars: laid, zero } = bars([-1, 1, null], 300, 100);
  assert.equal(zero, 50);
  assert.deepEqual([laid[0].y, laid[0].height], [50, 50]);
  assert.deepEqual([laid[1].y, laid[1].height], [0, 50]);
  assert.equal(laid[2].height, 0);
});

test("numbers below the bars thin out", () => {
  assert.equal(labelStep(16, 20), 1);
  assert.equal(labelStep(256, 1.2), 20);
});

test("an expert's words", () => {
  assert.deepEqual(expertLines(site, 2), ["expert 2 · gating weight 0.750", "router probability 0.700"]);
  assert.deepEqual(expertLines({ ...site, selection: [0, 0.25, 0] }, 1), ["expert 1 · not chosen", "router probability 0.200 · with selection bias 0.250"]);
  assert.equal(rowLabel([site], 0), "layer 3: expert 2 weight 0.750");
  assert.equal(rowLabel([{ ...site, chosen: [] }], 0), "layer 3: no expert (dropped)");
});

test("the summary leaves out what is not known", () => {
  assert.deepEqual(summary({ margin: null, entropy: null, effective_experts: null }), []);
  assert.deepEqual(summary({ margin: 0.065, entropy: 1.23, effective_experts: 3.42 }), [
    "Margin to the first expert left out: 0.065",
    "Entropy 1.23 nats: as if 3.4 experts were equally likely",
  ]);
});

test("small numbers are not shown as zero", () => {
  assert.equal(number(0.00004), "4.0e-5");
  assert.equal(number(0), "0.000");
});

test("what came next, with and without its probability", () => {
  assert.equal(quoted(" a\n"), "“·a⏎”");
  assert.equal(cameNext({ label: "x", probability: 0.12 }, true), "Came next: “x”, probability 0.120");
  assert.equal(cameNext({ label: "x", probability: null }, true), "Came next: “x”, not among the recorded predictions");
  assert.equal(cameNext({ label: "x", probability: null }, false), "Came next: “x”");
});

test("only weights that do not add up to one need their sum", () => {
  assert.doesNotMatch(howToReadWeights(1), /adds up/);
  assert.match(howToReadWeights(2.5), /adds up to 2\.50/);
});
