// Building elements. Text from outside enters a page here alone, as text.

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function attributes(element, values) {
  for (const [name, value] of Object.entries(values)) element.setAttribute(name, value);
  return element;
}

// How much larger an element looks than its own lengths say: the presenter view enlarges.
export function zoomOf(element) {
  return element.currentCSSZoom ?? 1;
}

// Where a pointer is, from the top left of an element, in the element's own lengths.
export function pointIn(element, { clientX, clientY }) {
  const { left, top } = element.getBoundingClientRect();
  return [clientX - left, clientY - top].map((length) => length / zoomOf(element));
}

// One instance per parent element. Streamlit calls the component again on the same element when
// data or theme change, and may run the cleanup of an outdated call afterwards: only the newest
// call's cleanup ends the instance.
export function mountOnce(instances, parentElement, create) {
  let entry = instances.get(parentElement);
  if (!entry) {
    entry = { instance: create(), calls: 0 };
    instances.set(parentElement, entry);
  }
  const call = ++entry.calls;
  const cleanup = () => {
    if (entry.calls !== call) return;
    instances.delete(parentElement);
    entry.instance.destroy();
  };
  return { instance: entry.instance, cleanup };
}
