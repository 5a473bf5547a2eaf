// The token panel: one token, at the layer that the page shows.

import { make, mountOnce } from "../shared/dom.js";
import { announceLayer, onLayer, requestLayer } from "../shared/layer.js";
import { clip } from "../shared/text.js";
import { quoted } from "./words.js";
import { createWeights } from "./weights.js";
import { createRouter } from "./router.js";
import { createNext } from "./next.js";

const instances = new WeakMap();

function createTokenPanel(parentElement) {
  const root = make("div", "moe token-panel");
  const stop = new AbortController();
  const { signal } = stop;
  let panel = null;
  let site = null;

  const title = make("h3");
  const name = make("p", "vocabulary");
  const router = createRouter({ signal });
  const weights = createWeights({ signal, onSite: (next) => { show(next); announceLayer(next); } });
  const next = createNext();
  root.append(title, name, weights.element, router.element, next.element);
  parentElement.append(root);
  onLayer(show, signal);

  function show(wanted) {
    if (!panel || wanted === site || wanted >= panel.sites.length) return;
    site = wanted;
    weights.show(site);
    router.show(site);
  }

  return {
    update(data) {
      panel = data;
      const kept = site !== null && site < panel.sites.length ? site : panel.sites.length - 1;
      const known = site !== null;
      title.replaceChildren(`Token ${panel.token} `, Object.assign(make("bdi"), { textContent: clip(quoted(panel.label), 60) }));
      name.replaceChildren("in the vocabulary ", make("code", "", panel.name), panel.generated ? " · generated" : "");
      weights.load(panel);
      router.load(panel);
      next.load(panel);
      site = null;
      show(kept);
      if (!known) requestLayer();
    },
    destroy() {
      stop.abort();
      weights.destroy();
      router.destroy();
      root.remove();
    },
  };
}

export default function tokenPanel({ data, parentElement }) {
  if (!data) return undefined;
  const { instance, cleanup } = mountOnce(instances, parentElement, () => createTokenPanel(parentElement));
  instance.update(data);
  return cleanup;
}
