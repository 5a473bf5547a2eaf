// What is chosen in the browser alone, asked for when a link to the view is made.

const VIEW = "moe-viz:view";

// Parameters of an address, of all components of the page.
export function askForView() {
  const parameters = {};
  window.dispatchEvent(new CustomEvent(VIEW, { detail: parameters }));
  return parameters;
}

export function onViewRequest(answer, signal) {
  window.addEventListener(VIEW, (event) => Object.assign(event.detail, answer()), { signal });
}
