import assert from "node:assert/strict";
import { test } from "node:test";
import { cardAtTop } from "../../moe_viz/components/tour/parts.js";

test("the card leaves its place at the lower edge only where it would hide the part, and the other place is free", () => {
  assert.equal(cardAtTop({ top: 100, bottom: 300 }, 200, 800), false);
  assert.equal(cardAtTop({ top: 500, bottom: 700 }, 200, 800), true);
  assert.equal(cardAtTop({ top: 50, bottom: 1200 }, 200, 800), false, "a tall part is hidden somewhere");
  assert.equal(cardAtTop(null, 200, 800), false);
});
