// Transformations of frames before they are drawn: the few that the dashboards may use.
// After packages/grafana-data/src/transformations of https://github.com/grafana/grafana.

import { plainName } from "./fields.js";
import { patternOf } from "./matchers.js";

const named = (record, name) => (Object.hasOwn(record ?? {}, name) ? record[name] : undefined);

/** Order, leave out and rename fields by the names that they have without configuration. */
function organize(frame, { indexByName, excludeByName, renameByName }) {
  const place = (field) => named(indexByName, plainName(field, frame)) ?? Infinity;
  const kept = frame.fields.filter((field) => !named(excludeByName, plainName(field, frame)));
  const ordered = kept.map((field, i) => [place(field), i, field]).sort((a, b) => (a[0] === b[0] ? a[1] - b[1] : a[0] - b[0]));
  const renamed = (field) => {
    const name = named(renameByName, plainName(field, frame));
    return name ? { ...field, name, labels: {} } : field;
  };
  return { ...frame, fields: ordered.map(([, , field]) => renamed(field)) };
}

const rank = (a, b) => {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  return a < b ? -1 : 1;
};

function sortBy(frame, { sort = [] }) {
  const by = sort.map(({ field, desc }) => [frame.fields.find((one) => plainName(one, frame) === field)?.values, desc]).filter(([values]) => values);
  const compare = (a, b) => by.reduce((found, [values, desc]) => found || (desc ? rank(values[b], values[a]) : rank(values[a], values[b])), 0);
  const rows = Array.from({ length: frame.length }, (_, row) => row).sort(compare);
  return { ...frame, fields: frame.fields.map((field) => ({ ...field, values: rows.map((row) => field.values[row]) })) };
}

function limit(frame, { limitField = 10 }) {
  const length = Math.min(frame.length, Number(limitField));
  return { ...frame, length, fields: frame.fields.map((field) => ({ ...field, values: field.values.slice(0, length) })) };
}

function filterFieldsByName(frame, { include, exclude }) {
  const fits = ({ names = [], pattern } = {}, name) => names.includes(name) || Boolean(pattern && patternOf(pattern)?.test(name));
  const kept = (field) => (!include || fits(include, plainName(field, frame))) && !fits(exclude, plainName(field, frame));
  return { ...frame, fields: frame.fields.filter(kept) };
}

const KNOWN = { organize, sortBy, limit, filterFieldsByName };

/** The transformations that there are. */
export const TRANSFORMATIONS = Object.keys(KNOWN);

/** Frames after all of a panel's transformations that are not switched off; one that is not known changes nothing. */
export function transform(frames, transformations = []) {
  const known = transformations.filter(({ id, disabled }) => !disabled && Object.hasOwn(KNOWN, id));
  return known.reduce((given, { id, options }) => given.map((frame) => KNOWN[id](frame, options ?? {})), frames);
}
