// The bytes that `pack_routing_map` makes, and what can be asked of them.

import { NEUTRAL } from "../shared/colour.js";

export const NO_EXPERT = -1;
const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array };

function read(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const sections = {};
  for (const { name, dtype, offset, length: count } of header.sections) {
    const Type = ARRAYS[dtype];
    const start = bytes.byteOffset + offset;
    // Bytes may arrive as a view at an odd place, where wider numbers cannot be read.
    sections[name] =
      start % Type.BYTES_PER_ELEMENT === 0
        ? new Type(bytes.buffer, start, count)
        : new Type(bytes.slice(offset, offset + count * Type.BYTES_PER_ELEMENT).buffer);
  }
  return { header, sections };
}

// A trace as the map sees it. Slots are in order of gating weight, the largest first.
export function decode(bytes) {
  const { header, sections } = read(bytes);
  const { slots, sites, tokens } = header;
  const count = tokens.length;
  const experts = Math.max(...sites.map((site) => site.experts));
  const { expert_ids: ids, gate_weights: codes, colours, generated, entropy } = sections;
  const steps = 2 ** header.weight_bits - 2;
  const first = generated.indexOf(1);
  const at = (site, token, slot) => (site * count + token) * slots + slot;
  const expert = (site, token, slot) => {
    const i = at(site, token, slot);
    return codes[i] === 0 ? NO_EXPERT : ids[i];
  };
  return {
    header,
    count,
    nameless: new Set(header.without_text),
    exact: header.weight_bits === 16,
    hasEntropy: entropy !== undefined,
    expert,
    // Between 0 and 1: the gating weight as a share of the largest one in the trace.
    share: (site, token, slot) => Math.max(0, codes[at(site, token, slot)] - 1) / steps,
    colour: (site, expertId) => (expertId === NO_EXPERT ? NEUTRAL : colours[site * experts + expertId]),
    // The slot in which a token chose an expert; null if it did not.
    slotOf: (site, token, expertId) => {
      for (let slot = 0; slot < slots; slot++) if (expert(site, token, slot) === expertId) return slot;
      return null;
    },
    generated: (token) => generated[token] === 1,
    // Where the model's own tokens begin; `count` where there are none.
    firstGenerated: first < 0 ? count : first,
    growing: header.expected > count,
    // Between 0 and 1: entropy as a share of ln(experts); null where it is missing.
    entropy: (site, token) => {
      const code = entropy ? entropy[site * count + token] : 255;
      return code === 255 ? null : code / 254;
    },
  };
}
