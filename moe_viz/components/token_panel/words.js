// The words of the token panel.

import { visibleText } from "../shared/text.js";
import { layerName } from "../shared/layer.js";

export function number(value, digits = 3) {
  const small = value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits;
  return small ? value.toExponential(1) : value.toFixed(digits);
}

export function quoted(label) {
  return `“${visibleText(label)}”`;
}

export function rowLabel(sites, site) {
  const { chosen } = sites[site];
  const experts = chosen.map(({ expert, weight }) => `expert ${expert} weight ${number(weight)}`);
  return `${layerName(sites[site], sites)}: ${experts.join(", ") || "no expert (dropped)"}`;
}

// Two lines: whether an expert was chosen, and the router's score for it.
export function expertLines({ chosen, scores, score_name: name, selection }, expert) {
  const choice = chosen.find((one) => one.expert === expert);
  const fate = choice ? `gating weight ${number(choice.weight)}` : "not chosen";
  const score = scores[expert] === null ? `${name} unknown` : `${name} ${number(scores[expert])}`;
  const biased = selection ? ` · with selection bias ${number(selection[expert])}` : "";
  return [`expert ${expert} · ${fate}`, `${score}${biased}`];
}

// One router's distribution in numbers, one sentence each.
export function summary({ margin, entropy, effective_experts: effective }) {
  const lines = [];
  if (margin !== null) lines.push(`Margin to the first expert left out: ${number(margin)}`);
  if (entropy !== null) {
    const asIf = effective === null ? "" : `: as if ${effective.toFixed(1)} experts were equally likely`;
    lines.push(`Entropy ${entropy.toFixed(2)} nats${asIf}`);
  }
  return lines;
}

export function cameNext({ label, probability }, predicted) {
  if (!predicted) return `Came next: ${quoted(label)}`;
  const chance = probability === null ? "not among the recorded predictions" : `probability ${number(probability)}`;
  return `Came next: ${quoted(label)}, ${chance}`;
}

export function howToReadWeights(total) {
  const full = Math.abs(total - 1) < 0.005 ? "" : ` (a full row adds up to ${total.toFixed(2)})`;
  return `Each row is a layer, and its parts are the gating weights of the chosen experts${full}. Click a row to show that layer everywhere.`;
}
