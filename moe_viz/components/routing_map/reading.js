// The words of the map: how to read it, and the texts of chips and tooltips.

import { clip, visibleText } from "../shared/text.js";
import { layerName } from "../shared/layer.js";
import { slotShown } from "./paint.js";
import { NO_EXPERT } from "./payload.js";

const NONE = "no expert (dropped)";

export function rank(slot) {
  if (slot === 0) return "largest";
  const ending = ["th", "st", "nd", "rd"][slot + 1 > 3 ? 0 : slot + 1];
  return `${slot + 1}${ending} largest`;
}

export function weightText(routing, share) {
  const weight = share * routing.header.weight_scale;
  return routing.exact ? weight.toFixed(3) : `≈ ${Math.round(share * 100)} % of ${routing.header.weight_scale.toFixed(2)}`;
}

export function tokenText(routing, token) {
  const label = routing.header.tokens[token];
  return routing.nameless.has(token) ? label : visibleText(label);
}

export function howToRead(routing, view, site) {
  const mark = "Round chips and columns under a line are tokens that the model generated.";
  return routing.firstGenerated < routing.count ? `${howToReadView(routing, view, site)} ${mark}` : howToReadView(routing, view, site);
}

function howToReadView(routing, view, site) {
  const { sites, weight_scale: scale, palette } = routing.header;
  const rows = "Each row of the map is a layer with its own experts. The keys ← → choose a token, and ↑ ↓ a layer.";
  if (view.highlight !== null) {
    return `The tokens in colour chose expert ${view.highlight} of the layer, in any slot; the bar below shows its gating weight. ${rows}`;
  }
  if (view.slot === null) {
    return `Grey and bar show the router’s entropy: the stronger the grey and the longer the bar, the less certain the router, up to all experts equally likely. ${rows}`;
  }
  const grey = sites[site].experts > palette.length ? ` (grey: not among the layer’s ${palette.length} busiest)` : "";
  return `Colour and number show the expert with the ${rank(view.slot)} gating weight${grey}; the bar below shows that weight (a full bar: ${scale.toFixed(2)}). ${rows}`;
}

export function chipLabel(routing, view, site, token) {
  const { sites } = routing.header;
  const by = routing.generated(token) ? ", generated" : "";
  const start = `${token}: ${tokenText(routing, token)}${by}, ${layerName(sites[site], sites)}`;
  if (view.slot === null) {
    const entropy = routing.entropy(site, token);
    return entropy === null ? `${start}, entropy unknown` : `${start}, entropy ${Math.round(entropy * 100)} % of the maximum`;
  }
  const slot = slotShown(routing, view, site, token);
  const expert = routing.expert(site, token, slot);
  if (expert === NO_EXPERT) return `${start}, ${NONE}`;
  return `${start}, expert ${expert}, weight ${weightText(routing, routing.share(site, token, slot))}`;
}

// What a tooltip shows of one token at one layer.
export function facts(routing, site, token) {
  const { sites, names } = routing.header;
  const { top_k: slots, experts } = sites[site];
  const chosen = [];
  for (let slot = 0; slot < slots; slot++) {
    const expert = routing.expert(site, token, slot);
    if (expert === NO_EXPERT) continue;
    chosen.push({ expert, text: `expert ${expert}`, weight: weightText(routing, routing.share(site, token, slot)) });
  }
  const dropped = slots - chosen.length;
  const entropy = routing.entropy(site, token);
  const most = Math.log(experts);
  return {
    title: clip(tokenText(routing, token), 200),
    name: clip(visibleText(names[token]), 80),
    place: `token ${token} · ${layerName(sites[site], sites)}${routing.generated(token) ? " · generated" : ""}`,
    chosen,
    dropped: dropped ? (chosen.length ? `${dropped} × ${NONE}` : NONE) : null,
    entropy: entropy === null ? null : `entropy ${(entropy * most).toFixed(2)} of at most ${most.toFixed(2)} nats`,
  };
}
