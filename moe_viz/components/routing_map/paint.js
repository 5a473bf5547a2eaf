// Which swatch a token has at a layer, and what the swatches look like in this theme.

import { DARK_INK, expertFill, inkOn, mix, parseHex, toHex, NEUTRAL } from "../shared/colour.js";
import { NO_EXPERT } from "./payload.js";

// Swatches: one a palette colour, then these, then the steps of the entropy ramp.
const RAMP_STEPS = 33;
const MOST_TEXT = 0.35; // as much of the text's colour as leaves the text a contrast of 4.5

export function swatchCodes(palette) {
  const first = palette.length;
  return { neutral: first, faded: first + 1, none: first + 2, ramp: first + 3 };
}

// The slot that a token shows: that of the highlighted expert where it chose it, else the one chosen to be shown.
export function slotShown(routing, view, site, token) {
  const highlighted = view.highlight === null ? null : routing.slotOf(site, token, view.highlight);
  return highlighted ?? view.slot;
}

// view: {slot, highlight}; slot is null when entropy gives the colour.
export function swatchOf(routing, view, site, token) {
  const codes = swatchCodes(routing.header.palette);
  if (view.highlight !== null && routing.slotOf(site, token, view.highlight) === null) return codes.faded;
  if (view.slot === null) {
    const entropy = routing.entropy(site, token);
    return entropy === null ? codes.none : codes.ramp + Math.round(entropy * (RAMP_STEPS - 1));
  }
  const expert = routing.expert(site, token, slotShown(routing, view, site, token));
  if (expert === NO_EXPERT) return codes.none;
  const colour = routing.colour(site, expert);
  return colour === NEUTRAL ? codes.neutral : colour;
}

// theme: {text, background, panel} as hex. Each swatch is {fill, ink}.
export function swatches({ palette, neutral }, theme) {
  const plain = { fill: theme.panel, ink: theme.text };
  const [low, high] = [parseHex(theme.panel), parseHex(theme.text)];
  const ramp = Array.from({ length: RAMP_STEPS }, (_, step) => ({
    fill: toHex(mix(low, high, (MOST_TEXT * step) / (RAMP_STEPS - 1))),
    ink: theme.text,
  }));
  return [
    ...palette.map((fill) => ({ fill, ink: DARK_INK })),
    { fill: expertFill(NEUTRAL, palette, neutral), ink: inkOn(neutral) },
    plain,
    { fill: theme.background, ink: theme.text },
    ...ramp,
  ];
}

// What the chip shows beside its text: the expert's number, and the length of its bar.
export function chipFigures(routing, view, site, token) {
  if (view.slot === null) return { number: "", share: routing.entropy(site, token) ?? 0 };
  const slot = slotShown(routing, view, site, token);
  const expert = routing.expert(site, token, slot);
  if (expert === NO_EXPERT) return { number: "–", share: 0 };
  return { number: String(expert), share: routing.share(site, token, slot) };
}
