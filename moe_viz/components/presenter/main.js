// The presenter view's keys and its small bar: one step forward or back, and leave.

import { attributes, make, mountOnce } from "../shared/dom.js";
import { requestLayerStep } from "../shared/layer.js";
import { meaning } from "./keys.js";

// A page's own buttons for one step, by the keys that Python gave them.
const BUTTONS = { "-1": "[class*='st-key-previous-'] button", 1: "[class*='st-key-next-'] button" };
const instances = new WeakMap();

// A page with steps of its own takes one of these; any other changes the layer, where it shows one.
function step(by) {
  if (!document.querySelector(Object.values(BUTTONS).join())) return requestLayerStep(by);
  document.querySelector(BUTTONS[by])?.click();
}

function createPresenter(parentElement) {
  const root = attributes(make("section", "moe presenter"), { "aria-label": "Presenter view" });
  const stop = new AbortController();
  const { signal } = stop;
  let setTriggerValue = null;

  function button(sign, name, act) {
    const element = attributes(make("button", "", sign), { type: "button", "aria-label": name, title: name });
    element.addEventListener("click", act, { signal });
    return element;
  }

  function leave() {
    setTriggerValue("left", true);
  }

  root.append(
    button("←", "Step back (left arrow key)", () => step(-1)),
    button("→", "Step forward (right arrow key)", () => step(1)),
    button("Leave", "Leave the presenter view (Escape)", leave),
  );
  parentElement.append(root);
  window.addEventListener("keydown", (event) => {
    const meant = meaning(event, event.composedPath());
    if (meant === null) return;
    event.preventDefault();
    if (meant === "leave") leave();
    else step(meant);
  }, { signal });

  return {
    update(given) {
      setTriggerValue = given;
    },
    destroy() {
      stop.abort();
      root.remove();
    },
  };
}

export default function presenter({ parentElement, setTriggerValue }) {
  const { instance, cleanup } = mountOnce(instances, parentElement, () => createPresenter(parentElement));
  instance.update(setTriggerValue);
  return cleanup;
}
