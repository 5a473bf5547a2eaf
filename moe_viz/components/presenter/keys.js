// What a key means in the presenter view, and where it must be left alone.

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
// What has arrow keys of its own, while it has the focus.
const ROLES = ["combobox", "dialog", "grid", "listbox", "menu", "radio", "radiogroup", "slider", "spinbutton", "tablist", "textbox", "tree"];
const OWN_ARROWS = ["input", "textarea", "select", "canvas", "[contenteditable]", ...ROLES.map((role) => `[role='${role}']`)].join(", ");
const OWN_ESCAPE = "input, textarea, select, [contenteditable], [role='dialog'], [data-testid='stPopoverBody'], [aria-expanded='true']";

// Gives "leave", -1, 1 or null. `path`: the elements from the focused one outwards.
export function meaning({ key, altKey, ctrlKey, metaKey, shiftKey, defaultPrevented }, path) {
  if (altKey || ctrlKey || metaKey || shiftKey || defaultPrevented) return null;
  const within = (selector) => path.some((element) => element.matches?.(selector));
  if (key === "Escape") return within(OWN_ESCAPE) ? null : "leave";
  return Object.hasOwn(STEPS, key) && !within(OWN_ARROWS) ? STEPS[key] : null;
}
