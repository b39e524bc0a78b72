// A stage for one panel: the console's modules, with a context as the dashboard makes it.

import { applyFieldConfig, display } from "/console/fields.js";
import { load } from "/console/panels/index.js";

let mounted = null;

export const seen = { zoomed: [], navigated: [], hovered: [] };

function context({ panel, frames, range, links = {}, theme = "dark", annotations = [], interval = 60_000 }) {
  const made = applyFieldConfig(frames, panel.fieldConfig ?? {}, { theme });
  return {
    panel,
    frames: made,
    range,
    interval,
    theme,
    annotations,
    format: display,
    links: (field, row) => (links[field.name] ?? []).map((link) => ({ ...link, href: link.href.replace("ROW", String(row)) })),
    hover,
    zoom: (from, to) => seen.zoomed.push([from, to]),
    navigate: (href) => seen.navigated.push(href),
    refresh: () => {},
  };
}

const listeners = new Set();
export const hover = {
  on: (fn) => (listeners.add(fn), () => listeners.delete(fn)),
  set: (time) => (seen.hovered.push(time), listeners.forEach((fn) => fn(time))),
};
export const listening = () => listeners.size;

/** Mount a panel, or update the one that is there. Values that JSON does not know come as {"$": "NaN"}. */
export async function show(spec) {
  const given = JSON.parse(JSON.stringify(spec), (_, value) => (value?.$ ? Number(value.$) : value));
  document.documentElement.dataset.theme = given.theme ?? "dark";
  document.getElementById("host").dataset.type = given.panel.type;
  const next = context(given);
  if (mounted) mounted.update(next);
  else mounted = (await load(given.panel.type)).mount(document.getElementById("host"), next);
  await settled();
}

export function end() {
  mounted?.destroy();
  mounted = null;
}

/** As it was at first. */
export function clear() {
  end();
  document.activeElement?.blur();
  document.getElementById("host").removeAttribute("style");
  for (const list of Object.values(seen)) list.length = 0;
}

/** Some frames later: sizes have been seen and drawn. */
export const settled = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))));
