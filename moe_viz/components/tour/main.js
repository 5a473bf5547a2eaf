// A short tour of the page: offered once, in a line of its own, and never begun unasked.

import { attributes, make, mountOnce } from "../shared/dom.js";
import { createCard } from "./card.js";
import { readExample, textIsRead } from "./parts.js";
import { rememberOffer, wasOffered } from "./seen.js";

const WITHOUT_A_TEXT = new Set(["text", "examples"]);
const LOOK = 150;
const instances = new WeakMap();

function createTour(parentElement, words) {
  const root = make("div", "moe tour");
  const stop = new AbortController();
  const { signal } = stop;
  let at = 0;
  let waiting = null;

  const card = createCard({ words, signal, onMove: (by) => go(at + by), onEnd: end });
  const offer = make("p", "offer");
  const start = button(words.start, () => go(0));
  const refuse = button(words.refuse, () => offered());
  const again = button(words.again, () => go(0));
  offer.append(make("span", "", words.offer), start, refuse);
  root.append(offer, again, ...card.elements);
  parentElement.append(root);
  showOffer();

  function button(label, act) {
    const element = attributes(make("button", "link", label), { type: "button" });
    element.addEventListener("click", act, { signal });
    return element;
  }

  function showOffer() {
    offer.hidden = wasOffered();
    again.hidden = !offer.hidden;
  }

  function offered() {
    rememberOffer();
    showOffer();
  }

  function go(next) {
    if (waiting !== null) return;
    if (next >= words.steps.length) return end();
    if (textIsRead() || WITHOUT_A_TEXT.has(words.steps[next].part)) {
      at = next;
      return card.show(words.steps[at], at, words.steps.length);
    }
    readExample();
    card.wait();
    waiting = setInterval(() => {
      if (!textIsRead()) return;
      stopWaiting();
      go(next);
    }, LOOK);
  }

  function stopWaiting() {
    clearInterval(waiting);
    waiting = null;
  }

  function end() {
    stopWaiting();
    card.hide();
    offered();
    (again.hidden ? start : again).focus();
  }

  return {
    destroy() {
      stopWaiting();
      card.hide();
      stop.abort();
      root.remove();
    },
  };
}

export default function tour({ data, parentElement }) {
  if (!data) return undefined;
  return mountOnce(instances, parentElement, () => createTour(parentElement, data)).cleanup;
}
