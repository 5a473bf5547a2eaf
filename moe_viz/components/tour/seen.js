// Whether this browser has been offered the tour before.

const KEY = "moe_viz:tour";

// A browser that keeps nothing is offered it each time.
export function wasOffered() {
  try {
    return window.localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}

export function rememberOffer() {
  try {
    window.localStorage.setItem(KEY, "offered");
  } catch {
    // nothing is kept then
  }
}
