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
