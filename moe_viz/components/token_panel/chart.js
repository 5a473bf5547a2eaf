// Where the bars of one router's scores lie.

const STEPS = [1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128];

// Bars from the zero line; y grows downward. `low` and `high` are the ends of the scale.
export function bars(scores, width, height) {
  const known = scores.filter((score) => score !== null);
  const low = Math.min(0, ...known);
  const high = Math.max(0, ...known);
  const scale = height / (high - low || 1);
  const pitch = width / scores.length;
  const gap = pitch >= 6 ? 2 : pitch >= 3 ? 1 : 0;
  const zero = high * scale;
  return {
    low,
    high,
    zero,
    pitch,
    bars: scores.map((score, expert) => {
      const length = Math.abs(score ?? 0) * scale;
      return {
        expert,
        x: expert * pitch + gap / 2,
        y: score >= 0 ? zero - length : zero,
        width: Math.max(pitch - gap, 0.6),
        height: length,
      };
    }),
  };
}

// Every how many experts a number fits below the bars.
export function labelStep(count, pitch) {
  const needed = String(count - 1).length * 6 + 6;
  return STEPS.find((step) => step * pitch >= needed) ?? count;
}
