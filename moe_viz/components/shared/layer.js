// The layer on show is shared by all components of a page, in the browser alone.

const LAYER = "moe-viz:layer";
const REQUEST = "moe-viz:layer-request";
const LAYER_STEP = "moe-viz:layer-step";

export function announceLayer(site) {
  window.dispatchEvent(new CustomEvent(LAYER, { detail: { site } }));
}

export function requestLayer() {
  window.dispatchEvent(new CustomEvent(REQUEST));
}

export function onLayer(listener, signal) {
  window.addEventListener(LAYER, (event) => listener(event.detail.site), { signal });
}

export function onLayerRequest(listener, signal) {
  window.addEventListener(REQUEST, listener, { signal });
}

// One layer on or back, by +1 or -1.
export function requestLayerStep(by) {
  window.dispatchEvent(new CustomEvent(LAYER_STEP, { detail: { by } }));
}

export function onLayerStep(listener, signal) {
  window.addEventListener(LAYER_STEP, (event) => listener(event.detail.by), { signal });
}

export function layerName(site, sites) {
  const mixed = sites.some((other) => other.stack !== sites[0].stack);
  return mixed ? `${site.stack} layer ${site.layer}` : `layer ${site.layer}`;
}

// "L3"; "enc 3" where a trace mixes stacks.
export function layerLabel(site, sites) {
  const mixed = sites.some((other) => other.stack !== sites[0].stack);
  return mixed ? `${site.stack.slice(0, 3)} ${site.layer}` : `L${site.layer}`;
}
