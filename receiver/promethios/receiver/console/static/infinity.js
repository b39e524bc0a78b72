// A query of the Infinity data source: what it asks the receiver, and the frame that its rows become.
// After pkg/infinity/{jsonBackend,postprocess}.go of https://github.com/grafana/grafana-infinity-datasource.

import { compile } from "./expression.js";
import { longToWide, makeField, makeFrame } from "./frames.js";
import { fill, percentEncode } from "./template.js";

const API = "/api/v1/";

/** A query that cannot be asked; its message says what to do. */
export class QueryError extends Error {}

/** A query that waits for a variable that a person fills in. */
export class Unfilled extends QueryError {
  constructor(name) {
    super(`Fill in "${name}" above.`);
    this.variable = name;
  }
}

function pathOf(url, look) {
  const filled = fill(
    url,
    (name, format) => {
      const value = look(name, format);
      if (value === "" || (Array.isArray(value) && value.length === 0)) throw new Unfilled(name);
      return value;
    },
    percentEncode,
  );
  if (!filled.startsWith(API)) throw new QueryError(`The console asks only this receiver: "${url}" is not below ${API}.`);
  const path = filled.slice(API.length);
  // "traces/.." would be another question than the dashboard's.
  if (/(^|\/)\.{1,2}(\/|$)|[?#\\]/.test(path)) throw new QueryError(`"${filled}" is not a path of the API.`);
  return path;
}

/**
 * What a target asks: `{path, params}` below /api/v1, with `params` a list of [name, value].
 *
 * @throws {QueryError} it is no question for this receiver, or an Unfilled one.
 */
export function questionOf(target, look) {
  const params = (target.url_options?.params ?? []).map(({ key, value }) => [key, fill(value, look)]);
  return { path: pathOf(target.url, look), params };
}

const at = (row, selector) =>
  selector.split(".").reduce((inner, key) => (inner !== null && typeof inner === "object" && Object.hasOwn(inner, key) ? inner[key] : undefined), row);

function rowsOf(answer, selector) {
  const rows = selector ? at(answer, selector) : answer;
  if (!Array.isArray(rows)) throw new QueryError(`The answer has no rows at "${selector}".`);
  return rows;
}

const missing = (value) => value === null || value === undefined;

// How a column's type reads a value; objects and lists are shown as JSON.
const READERS = {
  string: ["string", (value) => (missing(value) ? null : typeof value === "object" ? JSON.stringify(value) : String(value))],
  number: ["number", (value) => (missing(value) || value === "" || Number.isNaN(Number(value)) ? null : Number(value))],
  boolean: ["boolean", (value) => (missing(value) ? null : Boolean(value))],
  timestamp: ["time", (value) => (missing(value) || Number.isNaN(Date.parse(value)) ? null : Date.parse(value))],
  timestamp_epoch: ["time", (value) => (missing(value) ? null : Number(value))],
  timestamp_epoch_s: ["time", (value) => (missing(value) ? null : Number(value) * 1000)],
};

/** The column types that a query may have. */
export const COLUMN_TYPES = Object.keys(READERS);

/** The formats that a query may have. */
export const FORMATS = ["table", "timeseries", "logs", "trace"];

function column({ selector, text, type }, rows) {
  const [kind, read] = READERS[type] ?? READERS.string;
  return makeField(text || selector, kind, rows.map((row) => read(at(row, selector))));
}

function computed({ selector, text }, fields, length, look) {
  const value = compile(fill(selector, look));
  const columns = new Map(fields.map((field) => [field.name, field.values]));
  const values = Array.from({ length }, (_, row) => value((name) => columns.get(name)?.[row] ?? (columns.has(name) ? null : undefined)));
  return makeField(text || selector, "number", values);
}

/** What spans carry beside the columns, as their attributes and events: Grafana's columns cannot hold objects. */
function carried({ columns = [] }, rows) {
  const asked = new Set(columns.map(({ selector }) => selector));
  const names = Object.keys(rows[0] ?? {}).filter((name) => !asked.has(name));
  return names.map((name) => makeField(name, "other", rows.map((row) => at(row, name))));
}

/**
 * The frame of a target's answer. Series become wide; a long one has no order of its own, so it is sorted.
 *
 * @throws {QueryError|Error} the answer has no rows where the target looks, or a computed column is none.
 */
export function frameOf(target, answer, look) {
  const rows = rowsOf(answer, target.root_selector ?? "");
  const fields = (target.columns ?? []).map((one) => column(one, rows));
  if (target.format === "trace") fields.push(...carried(target, rows));
  for (const one of target.computed_columns ?? []) fields.push(computed(one, fields, rows.length, look));
  const frame = makeFrame(target.refId ?? "A", fields);
  return target.format === "timeseries" ? longToWide(frame) : frame;
}
