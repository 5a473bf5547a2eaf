// How a token's text is shown: nothing of it may be invisible, nothing may break the layout.

const NAMED = new Map([[" ", "·"], ["\n", "⏎"], ["\r", "␍"], ["\t", "⇥"], ["\u007f", "␡"]]);
const JOINS_OR_VARIES = /^(?:\u200c|\u200d|\p{Variation_Selector}|[\u{e0020}-\u{e007f}])+$/u;
const BREAKS_LAYOUT = /[\p{Zl}\p{Zp}\p{Cc}\p{Cf}\p{Cs}]/u;

function codePoint(character) {
  return `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function markFor(character, alone) {
  if (NAMED.has(character)) return NAMED.get(character);
  if (character < " ") return String.fromCodePoint(0x2400 + character.codePointAt(0));
  if (/\p{Zs}/u.test(character)) return "␣";
  // Inside a text, joiners and variation selectors belong to an emoji or a ligature.
  if (JOINS_OR_VARIES.test(character)) return alone ? codePoint(character) : null;
  return BREAKS_LAYOUT.test(character) ? codePoint(character) : null;
}

// A text as parts {text, faint}: faint are the signs that stand beside a word for what has no
// ink of its own. A token of nothing but signs is not faint: they are all there is to read.
export function visibleParts(text) {
  const alone = JOINS_OR_VARIES.test(text);
  const parts = [];
  for (const character of text) {
    const sign = markFor(character, alone);
    const faint = sign?.length === 1;
    const last = parts.at(-1);
    if (last && last.faint === faint) last.text += sign ?? character;
    else parts.push({ text: sign ?? character, faint });
  }
  return parts.length === 1 ? [{ ...parts[0], faint: false }] : parts;
}

export function visibleText(text) {
  return visibleParts(text).map((part) => part.text).join("");
}

// At most `limit` characters as a reader counts them, the last one an ellipsis if it was cut.
export function clip(text, limit) {
  if (text.length <= limit) return text;
  const characters = Array.from(new Intl.Segmenter().segment(text), (part) => part.segment);
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join("")}…`;
}

// Where rows of tokens begin: after a run of tokens that end lines, so that no row is empty.
export function rowStarts(tokens) {
  const starts = [0];
  for (let i = 1; i < tokens.length; i++) {
    if (tokens[i - 1].includes("\n") && !/^\s*\n/.test(tokens[i])) starts.push(i);
  }
  return starts;
}
