// Colours as [red, green, blue], 0 to 255.

export const DARK_INK = "#14161a";
export const LIGHT_INK = "#ffffff";
export const NEUTRAL = 255;

export function parseHex(hex) {
  const number = Number.parseInt(hex.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

export function toHex(rgb) {
  return `#${rgb.map((channel) => Math.round(channel).toString(16).padStart(2, "0")).join("")}`;
}

export function mix(from, to, share) {
  return from.map((channel, i) => channel + (to[i] - channel) * share);
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// WCAG 2: from 1 to 21.
export function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

export function inkOn(hex) {
  const fill = parseHex(hex);
  return contrast(fill, parseHex(DARK_INK)) >= contrast(fill, parseHex(LIGHT_INK)) ? DARK_INK : LIGHT_INK;
}

export function expertFill(colour, palette, neutral) {
  return colour === NEUTRAL ? neutral : palette[colour];
}

// What the theme's colours come to, whatever syntax the theme writes them in.
export function themeColours(element) {
  const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const style = getComputedStyle(element);
  const resolve = (variable, fallback) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = fallback;
    pixel.fillStyle = style.getPropertyValue(variable).trim() || fallback;
    pixel.fillRect(0, 0, 1, 1);
    return toHex([...pixel.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  };
  return {
    text: resolve("--st-text-color", "#31333f"),
    background: resolve("--st-background-color", "#ffffff"),
    panel: resolve("--st-secondary-background-color", "#f0f2f6"),
  };
}
