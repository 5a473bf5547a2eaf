// What the model expected next, and what came next.

import { attributes, make } from "../shared/dom.js";
import { visibleParts } from "../shared/text.js";
import { cameNext, number } from "./words.js";

export function createNext() {
  const element = make("section", "part");
  const list = make("ol", "next");
  const came = make("p", "came");
  const reading = make("p", "reading");
  element.append(make("h4", "", "Next token"), list, came, reading);

  function row({ text, name, probability }) {
    const item = attributes(make("li", "next-row"), { title: name });
    const shown = attributes(make("bdi", text ? "next-text" : "next-text name"), { dir: "auto" });
    for (const part of visibleParts(text || name)) shown.append(make("span", part.faint ? "faint" : "", part.text));
    const bar = make("span", "next-bar");
    bar.style.backgroundSize = `${probability * 100}% 100%`;
    item.append(shown, bar, make("span", "next-probability", number(probability)));
    return item;
  }

  return {
    element,
    load({ next, actual_next: actual }) {
      list.hidden = !next;
      list.replaceChildren(...(next ?? []).map(row));
      came.hidden = !actual;
      came.textContent = actual ? cameNext(actual, Boolean(next)) : "";
      reading.textContent = next
        ? "The bars show the probability that the model gave to each next token, the most probable first."
        : "This trace holds no next-token predictions.";
    },
  };
}
