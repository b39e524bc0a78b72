// What the address says of a dashboard: its variables, range and refresh, with the dashboard's own where it is silent.

import { read, write } from "./address.js";
import { isRange, resolve } from "./timerange.js";
import { chosen, defaultOf } from "./variables.js";

const RANGE = { from: "now-6h", to: "now" };

/** `{address, definitions, values, range, refresh}` of a dashboard at an address. */
export function viewOf(dashboard, address) {
  const definitions = dashboard.templating?.list ?? [];
  const own = dashboard.time && isRange(dashboard.time) ? { from: dashboard.time.from, to: dashboard.time.to } : RANGE;
  return {
    address,
    definitions,
    values: chosen(definitions, address.vars),
    range: address.range ?? own,
    refresh: address.refresh ?? (dashboard.refresh || ""),
  };
}

/** A view at a moment, as panels take it. */
export const momentOf = (view, now, options) => ({
  view,
  definitions: view.definitions,
  values: view.values,
  options,
  asked: view.range,
  range: resolve(view.range, now),
});

/** The address now, with some of it changed. */
export const changed = (hash, change) => write({ ...read(hash), ...change });

/** The address of another dashboard for the same range and choices; `null` for the view goes without. */
export function elsewhere(uid, view, more = new Map()) {
  const kept = (view?.definitions ?? []).filter((definition) => definition.type === "query" && isOwn(definition, view.values));
  const vars = new Map([...kept.map(({ name }) => [name, view.values.get(name)]), ...more]);
  return write({ uid, vars, range: view?.address.range ?? null, refresh: view?.address.refresh ?? null });
}

const isOwn = (definition, values) => JSON.stringify(values.get(definition.name)) !== JSON.stringify(defaultOf(definition));
