// The address of a view.

// `parameters` take the place of those of these names that the address has; all others stay.
export function viewAddress(href, names, parameters) {
  const address = new URL(href);
  for (const name of names) address.searchParams.delete(name);
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
  address.hash = "";
  return address.href;
}
