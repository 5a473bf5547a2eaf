// The link to the view: asked of Python, which knows the text, and completed with what the browser alone knows.

import { attributes, make, mountOnce } from "../shared/dom.js";
import { onLayer } from "../shared/layer.js";
import { askForView } from "../shared/view.js";
import { viewAddress } from "./address.js";

const COPIED = "Copied.";
const NOT_COPIED = "Press Ctrl+C or ⌘+C to copy it.";
const instances = new WeakMap();

// Without a permission, or on a page that is not served as secure, what is selected can still be copied.
async function copy(field) {
  field.focus();
  field.select();
  field.scrollLeft = 0;
  try {
    await window.navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

function createLink(parentElement) {
  const root = make("div", "moe link");
  const stop = new AbortController();
  const { signal } = stop;
  const button = attributes(make("button", "button make", "Copy a link to this view"), { type: "button" });
  const made = make("div", "made");
  const field = attributes(make("input"), { type: "text", readonly: "", "aria-label": "Link to this view" });
  const said = attributes(make("p", "said"), { role: "status" });
  const notes = make("div", "notes");
  made.append(field, notes);
  root.append(button, said, made);
  parentElement.append(root);
  made.hidden = true;
  let given = null;
  let seen = null;

  button.addEventListener("click", () => given.setTriggerValue("asked", true), { signal });
  field.addEventListener("focus", () => field.select(), { signal });
  for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, leave, { signal, capture: true });
  onLayer(hide, signal); // the link on show is to another layer

  function hide() {
    made.hidden = true;
    said.textContent = "";
  }

  // Whatever is done elsewhere may change the view. That Python draws anew is no sign of it.
  function leave(event) {
    if (!event.composedPath().includes(root)) hide();
  }

  async function show({ names, parameters, notes: sentences }) {
    field.value = viewAddress(window.location.href, names, { ...askForView(), ...parameters });
    notes.replaceChildren(...sentences.map((sentence) => make("p", "", sentence)));
    made.hidden = false;
    said.textContent = (await copy(field)) ? COPIED : NOT_COPIED;
  }

  return {
    update(next) {
      const asked = given !== null && next.data.number !== seen;
      given = next;
      seen = next.data.number;
      if (asked) show(next.data);
    },
    destroy() {
      stop.abort();
      root.remove();
    },
  };
}

export default function link({ data, parentElement, setTriggerValue }) {
  if (!data) return undefined;
  const { instance, cleanup } = mountOnce(instances, parentElement, () => createLink(parentElement));
  instance.update({ data, setTriggerValue });
  return cleanup;
}
