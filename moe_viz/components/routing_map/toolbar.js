// The controls above the strip.

import { attributes, make } from "../shared/dom.js";
import { layerName } from "../shared/layer.js";
import { rank } from "./reading.js";

const ENTROPY = "entropy";

function field(text, control) {
  const label = make("label", "field");
  label.append(make("span", "field-name", text), control);
  return label;
}

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, text]) => attributes(make("option", "", text), { value })));
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

// onSite(site), onView({slot, highlight}), onPlay()
export function createToolbar({ onSite, onView, onPlay, signal }) {
  const element = make("div", "toolbar");
  const play = attributes(make("button", "button play"), { type: "button" });
  const playText = make("span");
  play.append(attributes(make("i", "play-sign"), { "aria-hidden": "true" }), playText);
  const scrubber = attributes(make("input", "scrubber"), { type: "range", min: "0", step: "1", "aria-label": "Layer" });
  const layer = attributes(make("span", "layer"), { "aria-hidden": "true" });
  const colour = make("select");
  const highlight = make("select");
  const layers = make("div", "layers");
  layers.append(play, scrubber, layer);
  element.append(layers, field("Colour by", colour), field("Highlight expert", highlight));

  const view = () => ({
    slot: colour.value === ENTROPY ? null : Number(colour.value),
    highlight: highlight.value === "" ? null : Number(highlight.value),
  });
  play.addEventListener("click", onPlay, { signal });
  scrubber.addEventListener("input", () => onSite(Number(scrubber.value)), { signal });
  colour.addEventListener("change", () => onView(view()), { signal });
  highlight.addEventListener("change", () => onView(view()), { signal });

  let sites = [];
  function offerExperts(count) {
    if (highlight.options.length === count + 1) return;
    const before = highlight.value;
    options(highlight, [["", "none"], ...Array.from({ length: count }, (_, expert) => [String(expert), String(expert)])]);
    highlight.value = Number(before) < count ? before : "";
  }

  // A value that is not on offer leaves what is chosen.
  function choose(select, value) {
    if ([...select.options].some((option) => option.value === value)) select.value = value;
  }

  return {
    element,
    view,
    // What is chosen, as an address has it.
    chosen: () => ({ map_colour: colour.value, ...(highlight.value && { map_expert: highlight.value }) }),
    choose(colouring, expert) {
      choose(colour, colouring);
      choose(highlight, String(expert ?? ""));
    },
    load(routing) {
      sites = routing.header.sites;
      scrubber.max = String(sites.length - 1);
      scrubber.disabled = play.disabled = sites.length === 1;
      const slots = Array.from({ length: routing.header.slots }, (_, slot) => [String(slot), `${rank(slot)} gating weight`]);
      const pairs = routing.hasEntropy ? [...slots, [ENTROPY, "router entropy"]] : slots;
      const before = colour.value;
      options(colour, pairs.map(([value, text]) => [value, capital(text)]));
      colour.value = pairs.some(([value]) => value === before) ? before : "0";
      // As wide as the longest name, so that nothing moves from layer to layer.
      layer.style.minWidth = `${Math.max(...sites.map((site) => layerName(site, sites).length))}ch`;
    },
    // Gives whether the experts on offer changed what is highlighted.
    show(site) {
      const name = layerName(sites[site], sites);
      scrubber.value = String(site);
      scrubber.setAttribute("aria-valuetext", name);
      layer.textContent = name;
      const before = highlight.value;
      offerExperts(sites[site].experts);
      return highlight.value !== before;
    },
    showPlaying(playing) {
      playText.textContent = playing ? "Pause" : "Play layers";
      play.classList.toggle("playing", playing);
    },
  };
}
