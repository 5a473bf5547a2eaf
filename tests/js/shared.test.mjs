import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, inkOn, mix, parseHex, toHex } from "../../moe_viz/components/shared/colour.js";
import { layerLabel, layerName } from "../../moe_viz/components/shared/layer.js";
import { clip, rowStarts, visibleParts, visibleText } from "../../moe_viz/components/shared/text.js";

test("white space and control characters are shown", () => {
  assert.equal(visibleText(" a\n\t\r"), "·a⏎⇥␍");
  assert.equal(visibleText("\u0000\u001b\u007f"), "␀␛␡");
  assert.equal(visibleText("a\u00a0b\u3000"), "a␣b␣");
  assert.deepEqual(visibleParts(" a "), [
    { text: "·", faint: true },
    { text: "a", faint: false },
    { text: "·", faint: true },
  ]);
  assert.deepEqual(visibleParts("  "), [{ text: "··", faint: false }]);
});

test("what turns or hides text is named", () => {
  assert.equal(visibleText("\u202eabc"), "U+202Eabc");
  assert.equal(visibleText("\ufeff\u200b"), "U+FEFFU+200B");
  assert.equal(visibleText("\ud83d"), "U+D83D");
  assert.equal(visibleText("\u2028\u0085"), "U+2028U+0085");
});

test("emoji keep their joiners; a joiner alone is named", () => {
  assert.equal(visibleText("👩‍👩‍👧"), "👩‍👩‍👧");
  assert.equal(visibleText("\u200d"), "U+200D");
  assert.equal(visibleText("\ufe0f"), "U+FE0F");
});

test("text that looks like a page stays text", () => {
  assert.equal(visibleText("<script>"), "<script>");
});

test("long texts are cut between characters as a reader counts them", () => {
  assert.equal(clip("abcdef", 4), "abc…");
  assert.equal(clip("abcd", 4), "abcd");
  assert.equal(clip("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 2), "👩‍👩‍👧…");
});

test("a row ends after a run of line ends", () => {
  assert.deepEqual(rowStarts(["a", "\n", "\n", "b"]), [0, 3]);
  assert.deepEqual(rowStarts(["a:\n", "    ", "b"]), [0, 1]);
  assert.deepEqual(rowStarts(["a", "\n", " \n\n", "b", "\n"]), [0, 3]);
  assert.deepEqual(rowStarts(["\n", "a"]), [0, 1]);
  assert.deepEqual(rowStarts(["a", "b"]), [0]);
});

test("colours", () => {
  assert.deepEqual(parseHex("#04a19b"), [4, 161, 155]);
  assert.equal(toHex(mix(parseHex("#000000"), parseHex("#ffffff"), 0.5)), "#808080");
  assert.equal(Math.round(contrast([0, 0, 0], [255, 255, 255])), 21);
  assert.equal(inkOn("#f5e05d"), "#14161a");
  assert.equal(inkOn("#4b5160"), "#ffffff");
});

test("a layer is named with its stack only where stacks are mixed", () => {
  const [encoder, decoder] = [{ layer: 1, stack: "encoder" }, { layer: 2, stack: "decoder" }];
  assert.equal(layerName(decoder, [decoder]), "layer 2");
  assert.equal(layerName(encoder, [encoder, decoder]), "encoder layer 1");
  assert.equal(layerLabel(decoder, [encoder, decoder]), "dec 2");
});
