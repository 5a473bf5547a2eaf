// The card that says what a part of the page is for, and the frame around that part.

import { attributes, make, zoomOf } from "../shared/dom.js";
import { cardAtTop, findPart } from "./parts.js";

const AROUND = 6;
const EDGE = 16;
const BELOW_HEADER = 72;
const LOOK_AGAIN = 200;

// onMove(by), onEnd()
export function createCard({ words, onMove, onEnd, signal }) {
  const frame = attributes(make("div", "frame"), { popover: "manual", "aria-hidden": "true" });
  const card = attributes(make("div", "card"), {
    popover: "manual", role: "dialog", "aria-labelledby": "tour-title", "aria-describedby": "tour-text",
  });
  const title = attributes(make("h2"), { id: "tour-title", tabindex: "-1" });
  const text = attributes(make("p"), { id: "tour-text" });
  const count = make("span", "count");
  const back = button(words.back, () => onMove(-1));
  const next = button("", () => onMove(1));
  const end = button(words.end, onEnd);
  next.classList.add("main");
  const buttons = make("div", "buttons");
  buttons.append(count, end, back, next);
  card.append(title, text, buttons);
  let name = null;
  let timer = null;

  card.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: () => back.hidden || onMove(-1), ArrowRight: () => onMove(1), Escape: onEnd };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    moves[event.key]();
  }, { signal });
  window.addEventListener("scroll", place, { signal, passive: true, capture: true });
  window.addEventListener("resize", place, { signal });

  function button(label, act) {
    const element = attributes(make("button", "button", label), { type: "button" });
    element.addEventListener("click", act, { signal });
    return element;
  }

  function place() {
    if (name === null) return;
    const part = findPart(name)?.getBoundingClientRect() ?? null;
    const zoom = zoomOf(card);
    frame.hidden = part === null;
    if (part) {
      const [left, top] = [part.left - AROUND, part.top - AROUND];
      const [width, height] = [part.width + 2 * AROUND, part.height + 2 * AROUND];
      for (const [side, length] of Object.entries({ left, top, width, height })) frame.style[side] = `${length / zoom}px`;
    }
    const atTop = cardAtTop(part, card.offsetHeight * zoom + 2 * EDGE, window.innerHeight);
    card.style.top = atTop ? `${BELOW_HEADER / zoom}px` : "auto";
    card.style.bottom = atTop ? "auto" : `${EDGE}px`;
  }

  return {
    elements: [frame, card],
    show(step, number, steps) {
      name = step.part;
      title.textContent = step.title;
      text.textContent = step.text;
      count.textContent = words.step.replace("{number}", number + 1).replace("{count}", steps);
      back.hidden = number === 0;
      next.textContent = number === steps - 1 ? words.done : words.next;
      for (const element of [frame, card]) element.showPopover();
      const part = findPart(name);
      part?.scrollIntoView({ block: part.offsetHeight > window.innerHeight / 2 ? "start" : "center" });
      place();
      timer ??= setInterval(place, LOOK_AGAIN); // the page may change under it
      title.focus({ preventScroll: true });
    },
    wait() {
      text.textContent = words.wait;
    },
    hide() {
      if (name === null) return;
      name = null;
      clearInterval(timer);
      timer = null;
      for (const element of [frame, card]) element.hidePopover();
    },
  };
}
