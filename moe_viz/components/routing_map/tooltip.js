// What is known of the token and layer under the pointer.

import { attributes, make, zoomOf } from "../shared/dom.js";
import { DARK_INK, expertFill } from "../shared/colour.js";
import { facts } from "./reading.js";

const AWAY = 14; // from the pointer
const EDGE = 8; // from the window's edges

export function createTooltip() {
  const element = attributes(make("div", "tooltip"), { popover: "manual", "aria-hidden": "true" });
  let shown = null;

  function fill(routing, site, token) {
    const { title, name, place, chosen, dropped, entropy } = facts(routing, site, token);
    const heading = attributes(make("div", "tooltip-title", title), { dir: "auto" });
    const list = make("div", "tooltip-experts");
    for (const { expert, text, weight } of chosen) {
      const swatch = make("i", "swatch");
      const { palette, neutral } = routing.header;
      swatch.style.backgroundColor = expertFill(routing.colour(site, expert), palette, neutral);
      swatch.style.borderColor = DARK_INK;
      list.append(swatch, make("span", "", text), make("span", "tooltip-weight", weight));
    }
    element.replaceChildren(heading);
    if (name !== title) element.append(make("div", "tooltip-name", name));
    element.append(make("div", "tooltip-place", place), list);
    if (dropped) element.append(make("div", "", dropped));
    if (entropy) element.append(make("div", "tooltip-place", entropy));
  }

  function move(x, y) {
    const zoom = zoomOf(element);
    const [width, height] = [element.offsetWidth * zoom, element.offsetHeight * zoom];
    const [right, bottom] = [document.documentElement.clientWidth - EDGE, window.innerHeight - EDGE];
    const left = x + AWAY + width > right ? Math.max(EDGE, x - AWAY - width) : x + AWAY;
    const top = y + AWAY + height > bottom ? Math.max(EDGE, y - AWAY - height) : y + AWAY;
    element.style.left = `${left / zoom}px`;
    element.style.top = `${top / zoom}px`;
  }

  function hide() {
    if (shown !== null) element.hidePopover();
    shown = null;
  }

  return {
    element,
    hide,
    show(routing, site, token, event) {
      const what = `${site} ${token}`;
      if (shown !== what) fill(routing, site, token);
      if (shown === null) element.showPopover();
      shown = what;
      move(event.clientX, event.clientY);
    },
  };
}
