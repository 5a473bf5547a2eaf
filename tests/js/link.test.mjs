import assert from "node:assert/strict";
import { test } from "node:test";
import { viewAddress } from "../../moe_viz/components/link/address.js";

const HERE = "https://class.example/moe/layers?heatmap+view=Load&text=old&map_layer=1#part";

test("a scene's own parameters are replaced, a widget's stay, and the path is kept", () => {
  const made = new URL(viewAddress(HERE, ["text", "map_layer", "model"], { text: "new", model: "demo" }));
  assert.equal(made.origin + made.pathname, "https://class.example/moe/layers");
  assert.deepEqual([...made.searchParams], [["heatmap view", "Load"], ["text", "new"], ["model", "demo"]]);
  assert.equal(made.hash, "");
});

test("any text comes back from the address", () => {
  for (const text of ["a&b=c#d?e", "100 % + 1", "<b>\n\t\0", "春眠不觉晓 👩‍👩‍👧", "'\""]) {
    assert.equal(new URL(viewAddress(HERE, ["text"], { text })).searchParams.get("text"), text);
  }
});
