// A payload made by hand, byte by byte, as pack.py documents it.

const SIZES = { uint8: Uint8Array, uint16: Uint16Array };

export const PALETTE = ["#2bfdf4", "#04a19b", "#6ad8f9"];
export const NEUTRAL_GREY = "#b9bec8";

function aligned(offset) {
  return Math.ceil(offset / 8) * 8;
}

// sections: {name: [dtype, numbers]}; shift: bytes in front, so that the view starts at an odd place.
export function payload(header, sections, shift = 0) {
  const blocks = Object.entries(sections).map(([name, [dtype, values]]) => ({ name, dtype, data: SIZES[dtype].from(values) }));
  const start = 4096;
  let end = start;
  const listed = blocks.map(({ name, dtype, data }) => {
    const entry = { name, dtype, offset: end, length: data.length };
    end = aligned(end + data.byteLength);
    return entry;
  });
  const head = new Uint8Array(start - 4).fill(" ".charCodeAt(0));
  head.set(new TextEncoder().encode(JSON.stringify({ ...header, sections: listed })));
  const out = new Uint8Array(shift + end).subarray(shift);
  new DataView(out.buffer, out.byteOffset).setUint32(0, head.length, true);
  out.set(head, 4);
  listed.forEach(({ offset }, i) => out.set(new Uint8Array(blocks[i].data.buffer), offset));
  return out;
}

// Two layers of four experts, top-2; three tokens, the last one dropped at the second layer.
export function small({ bits = 16, shift = 0, entropy = true, generated = [0, 0, 1], expected = 3 } = {}) {
  const full = 2 ** bits - 1;
  const half = 1 + Math.round((full - 1) / 2);
  const header = {
    tokens: ["<s>", "·", "\nx"],
    without_text: [0],
    names: ["<s>", "Â·", "Ċx"],
    sites: [
      { layer: 1, experts: 4, top_k: 2, stack: "decoder", name: "a" },
      { layer: 3, experts: 4, top_k: 2, stack: "decoder", name: "b" },
    ],
    slots: 2,
    palette: PALETTE,
    neutral: NEUTRAL_GREY,
    initial_layer: null,
    initial_token: 0,
    initial_colour: "0",
    initial_expert: null,
    weight_bits: bits,
    weight_scale: 0.8,
    stream: "00",
    expected,
  };
  const sections = {
    expert_ids: ["uint8", [3, 0, 1, 2, 2, 1, 0, 1, 3, 2, 0, 0]],
    gate_weights: [bits === 16 ? "uint16" : "uint8", [full, half, full, 1, full, half, full, half, full, half, 0, 0]],
    colours: ["uint8", [0, 1, 2, 255, 2, 255, 0, 1]],
    generated: ["uint8", generated],
    ...(entropy && { entropy: ["uint8", [0, 127, 254, 255, 254, 0]] }),
  };
  return payload(header, sections, shift);
}
