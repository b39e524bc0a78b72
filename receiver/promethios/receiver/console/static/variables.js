// The variables of a dashboard: what they are now, what can be chosen, and what they are in a query.

import { QueryError } from "./infinity.js";
import { patternOf } from "./matchers.js";
import { stepText } from "./interval.js";
import { percentEncode } from "./template.js";

/** The value that stands for everything. */
export const ALL = "$__all";

/** The kinds of variable that the console knows. */
export const KINDS = ["datasource", "query", "textbox", "custom", "constant"];

const list = (value) => (Array.isArray(value) ? value : value === undefined || value === null || value === "" ? [] : [value]).map(String);

/** What a variable is when the address does not say. */
export function defaultOf(definition) {
  if (definition.type === "textbox" || definition.type === "constant") return [String(definition.query ?? "")].filter(Boolean);
  const current = list(definition.current?.value);
  if (current.length) return current;
  return definition.includeAll ? [ALL] : [];
}

/** The chosen values of each variable, by name: from the address, else the default. */
export function chosen(definitions, vars) {
  return new Map(
    definitions.map((definition) => {
      const given = definition.type === "constant" || definition.skipUrlSync ? undefined : vars.get(definition.name);
      const values = (given ?? defaultOf(definition)).map((value) => (value === "All" && definition.includeAll ? ALL : value));
      return [definition.name, normal(definition, values)];
    }),
  );
}

/** "All" goes alone, and nothing chosen means all where that can be. */
function normal(definition, values) {
  const full = values.filter((value) => value !== "");
  if (full.includes(ALL) || (full.length === 0 && definition.includeAll)) return definition.includeAll ? [ALL] : [];
  return definition.multi ? [...new Set(full)] : full.slice(0, 1);
}

const caseless = (a, b) => a.localeCompare(b, "en", { sensitivity: "base" });
const plain = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const numeric = (a, b) => Number.parseFloat(a) - Number.parseFloat(b) || plain(a, b);
const ORDERS = { 1: plain, 2: (a, b) => plain(b, a), 3: numeric, 4: (a, b) => numeric(b, a), 5: caseless, 6: (a, b) => caseless(b, a) };

/** What can be chosen, from the frame of a query variable: its first field, filtered and sorted. */
export function optionsOf(definition, frame) {
  const pattern = definition.regex ? patternOf(definition.regex) : null;
  const found = (frame.fields[0]?.values ?? []).filter((value) => value !== null && value !== "").map(String);
  const kept = [...new Set(found)].filter((value) => !pattern || pattern.test(value));
  return ORDERS[definition.sort] ? kept.sort(ORDERS[definition.sort]) : kept;
}

/** What can be chosen of a variable that names it itself: "a,b,c". */
export const customOptions = (definition) => (definition.query ?? "").split(",").map((text) => text.trim()).filter(Boolean);

function asValue(definition, values, format, options) {
  if (values[0] === ALL) {
    if (format === "queryparam") return { verbatim: `var-${percentEncode(definition.name)}=${percentEncode(ALL)}` };
    if (format === "text") return "All";
    return definition.allValue ? { verbatim: definition.allValue } : options;
  }
  return definition.multi ? values : (values[0] ?? "");
}

const DATES = { iso: (time) => new Date(time).toISOString(), seconds: (time) => String(Math.floor(time / 1000)) };

function moment(time, format) {
  const [kind, how = "iso"] = (format ?? "").split(":");
  return kind === "date" ? (DATES[how] ?? DATES.iso)(time) : String(time);
}

/**
 * How texts of a dashboard are filled in: `look(name, format)`. `state` has the dashboard's `definitions`, the
 * `values` that `chosen` gave, `options` (Map), the resolved `range`, the `asked` one as it stands in the address,
 * and the `interval` in ms.
 */
export function lookup({ definitions, values, options = new Map(), range, asked = null, interval = null, uid = "" }) {
  const known = new Map(definitions.map((definition) => [definition.name, definition]));
  const variable = (name, format) => asValue(known.get(name), values.get(name) ?? [], format, options.get(name) ?? []);
  const builtIn = {
    __from: (format) => moment(range.from, format),
    __to: (format) => moment(range.to, format),
    __interval_ms: () => (interval === null ? undefined : String(interval)),
    __interval: () => (interval === null ? undefined : stepText(interval)),
    __url_time_range: () => ({ verbatim: `from=${percentEncode(asked?.from ?? range.from)}&to=${percentEncode(asked?.to ?? range.to)}` }),
    __all_variables: () => ({ verbatim: allParameters([...known.values()], values) }),
    "__dashboard.uid": () => uid,
  };
  return (name, format) => {
    if (known.has(name)) return variable(name, format);
    return Object.hasOwn(builtIn, name) ? builtIn[name](format) : undefined;
  };
}

function allParameters(definitions, values) {
  return definitions
    .flatMap(({ name }) => (values.get(name) ?? []).map((value) => `var-${percentEncode(name)}=${percentEncode(value)}`))
    .join("&");
}

/** The Infinity query of a query variable. */
export function queryOf(definition) {
  const query = definition.query?.infinityQuery;
  if (!query) throw new QueryError(`The variable "${definition.name}" has no query that the console can ask.`);
  return query;
}
