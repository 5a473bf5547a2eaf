// The routing map: what is chosen, and which parts are told.

import { make, mountOnce } from "../shared/dom.js";
import { themeColours } from "../shared/colour.js";
import { announceLayer, onLayer, onLayerRequest, onLayerStep } from "../shared/layer.js";
import { onViewRequest } from "../shared/view.js";
import { decode } from "./payload.js";
import { swatches } from "./paint.js";
import { howToRead } from "./reading.js";
import { createStrip } from "./strip.js";
import { createMap } from "./map.js";
import { createToolbar } from "./toolbar.js";
import { createTooltip } from "./tooltip.js";
import { createPlayer } from "./player.js";

const KEY_PAUSE = 150;
const PAGE = 10;
const instances = new WeakMap();
const last = new Map(); // {site, token} by stream, for as long as the tab lives

function createRoutingMap(parentElement) {
  const root = make("div", "moe routing-map");
  const stop = new AbortController();
  const { signal } = stop;
  let routing = null;
  let bytes = null;
  let colours = null; // {view, theme, table}
  let setStateValue = null;
  let site = 0;
  let token = 0;
  let told = null; // the token Python was last told
  let keyTimer = null;

  const tooltip = createTooltip();
  const toolbar = createToolbar({ onSite: (next) => goTo(next), onView: repaint, onPlay: () => player.toggle(), signal });
  const player = createPlayer({ next: () => stepForPlay(), onChange: toolbar.showPlaying });
  const strip = createStrip({
    signal,
    onChoose: (next) => choose(next, 0),
    onHover: (next, event) => hover(next === null ? null : { site, token: next }, event),
  });
  const map = createMap({ signal, onHover: hover, onChoose: (next, row) => { goTo(row); choose(next, 0); } });
  const reading = make("p", "reading");
  root.append(toolbar.element, strip.element, map.element, reading, tooltip.element);
  parentElement.append(root);
  strip.element.addEventListener("keydown", onKey, { signal });
  root.addEventListener("keydown", (event) => event.key === "Escape" && tooltip.hide(), { signal });
  window.addEventListener("scroll", tooltip.hide, { signal, passive: true, capture: true });
  onLayer((next) => routing && next < routing.header.sites.length && showSite(next), signal);
  onLayerRequest(() => routing && announceLayer(site), signal);
  onLayerStep((by) => routing && goTo(site + by), signal);
  onViewRequest(() => (routing ? { map_layer: site, map_token: token, ...toolbar.chosen() } : {}), signal);

  function remember() {
    last.set(routing.header.stream, { site, token });
  }

  function hover(cell, event) {
    if (cell && event.pointerType !== "touch") tooltip.show(routing, cell.site, cell.token, event);
    else tooltip.hide();
  }

  function paintStrip() {
    strip.paint({ routing, view: colours.view, site, table: colours.table });
    reading.textContent = howToRead(routing, colours.view, site);
  }

  function repaint() {
    const theme = themeColours(root);
    colours = { view: toolbar.view(), theme, table: swatches(routing.header, theme) };
    paintStrip();
    map.paint(colours);
  }

  function showSite(next) {
    if (next === site) return;
    tooltip.hide();
    site = next;
    remember();
    if (toolbar.show(site)) repaint();
    else paintStrip();
    map.choose(site, token);
  }

  function goTo(next) {
    player.stop();
    moveTo(next);
  }

  function moveTo(next) {
    const within = Math.min(Math.max(next, 0), routing.header.sites.length - 1);
    if (within === site) return;
    showSite(within);
    announceLayer(site);
  }

  function stepForPlay() {
    moveTo(player.fresh && site === routing.header.sites.length - 1 ? 0 : site + 1);
    return site < routing.header.sites.length - 1;
  }

  function tell() {
    if (token === told) return;
    told = token;
    setStateValue("token", token);
  }

  function choose(next, wait) {
    token = Math.min(Math.max(next, 0), routing.count - 1);
    remember();
    strip.select(token);
    map.choose(site, token);
    clearTimeout(keyTimer);
    if (wait) keyTimer = setTimeout(tell, wait);
    else tell();
  }

  function onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const moves = {
      ArrowLeft: () => choose(token - 1, KEY_PAUSE),
      ArrowRight: () => choose(token + 1, KEY_PAUSE),
      PageUp: () => choose(token - PAGE, KEY_PAUSE),
      PageDown: () => choose(token + PAGE, KEY_PAUSE),
      Home: () => choose(0, KEY_PAUSE),
      End: () => choose(routing.count - 1, KEY_PAUSE),
      ArrowUp: () => goTo(site - 1),
      ArrowDown: () => goTo(site + 1),
      " ": () => player.toggle(),
    };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    moves[event.key]();
  }

  // The same trace with more tokens, or in other colours: what is chosen, scrolled to or open stays.
  function grow(next) {
    routing = next;
    strip.grow(routing);
    map.grow(routing);
    repaint();
  }

  function load(next) {
    const before = routing;
    if (before?.header.stream === next.header.stream && before.count <= next.count) return grow(next);
    const count = next.header.sites.length;
    routing = next;
    player.stop();
    clearTimeout(keyTimer);
    const known = last.get(next.header.stream);
    token = known?.token ?? Math.min(next.header.initial_token, next.count - 1);
    const asked = known ? null : next.header.initial_layer;
    // The last layer: it usually separates kinds of text best.
    site = asked ?? (before && site < count ? site : known?.site ?? count - 1);
    strip.load(routing);
    map.load(routing);
    toolbar.load(routing);
    toolbar.show(site);
    if (!before && !known) toolbar.choose(next.header.initial_colour, next.header.initial_expert);
    repaint();
    strip.select(token);
    map.choose(site, token);
    if (routing.growing) {
      strip.follow();
      map.follow();
    }
    announceLayer(site);
    if (told !== null || token !== next.header.initial_token) tell();
  }

  return {
    update(given) {
      setStateValue = given.setStateValue;
      if (given.data !== bytes) load(decode(given.data));
      else repaint(); // the theme may be another
      bytes = given.data;
    },
    destroy() {
      player.stop();
      clearTimeout(keyTimer);
      stop.abort();
      strip.destroy();
      map.destroy();
      root.remove();
    },
  };
}

export default function routingMap({ data, parentElement, setStateValue }) {
  if (!data) return undefined;
  const { instance, cleanup } = mountOnce(instances, parentElement, () => createRoutingMap(parentElement));
  instance.update({ data, setStateValue });
  return cleanup;
}
