// The parts of the page that the tour points at, by the names that its texts have for them.

const PARTS = {
  text: ".st-key-text",
  examples: "[class*='st-key-example-']",
  tokens: ".routing-map .strip",
  layers: ".routing-map .layers",
  map: ".routing-map .map",
  panel: ".token-panel",
};
const HOSTS = "[data-testid='stBidiComponentIsolated'], [data-testid='stBidiComponentIsolated'] *";

// In the page itself, or within one of its components; null where there is none.
function find(selector) {
  const inside = () => [...document.querySelectorAll(HOSTS)].map((host) => host.shadowRoot?.querySelector(selector)).find(Boolean);
  return document.querySelector(selector) ?? inside() ?? null;
}

export function findPart(name) {
  const part = find(PARTS[name]);
  return name === "examples" ? part?.parentElement ?? null : part;
}

export function textIsRead() {
  return findPart("map") !== null;
}

export function readExample() {
  document.querySelector(`${PARTS.examples} button`)?.click();
}

// Where the card stands, so that it hides as little as it can of a part: at the lower edge of the window, or the upper.
export function cardAtTop(part, cardHeight, windowHeight) {
  const free = windowHeight - cardHeight;
  return part !== null && part.bottom > free && part.top > cardHeight;
}
