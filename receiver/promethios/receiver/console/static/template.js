// Variables in a dashboard's texts: "${name}", "${name:format}", "$name", "[[name]]". What nobody knows stays.
// Formats: public/app/features/variables/utils.ts of https://github.com/grafana/grafana.

const VARIABLE = /\$\{([^}:]+)(?::([^}]+))?\}|\[\[(\w+)(?::(\w+))?\]\]|\$(\w+)/g;

const list = (value) => (Array.isArray(value) ? value : [value]);
const escaped = (text) => String(text).replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** Encoded so that a value cannot end its part of an address: also the quotes and brackets that URLs allow. */
export const percentEncode = (text) =>
  encodeURIComponent(String(text)).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const FORMATS = {
  pipe: (value) => list(value).join("|"),
  csv: (value) => list(value).join(","),
  raw: (value) => list(value).join(","),
  text: (value) => list(value).join(" + "),
  json: (value) => JSON.stringify(value),
  regex: (value) => (Array.isArray(value) && value.length > 1 ? `(${value.map(escaped).join("|")})` : escaped(list(value)[0] ?? "")),
  percentencode: (value) => percentEncode(Array.isArray(value) && value.length > 1 ? `{${value.join(",")}}` : (list(value)[0] ?? "")),
  queryparam: (value, name) => list(value).map((one) => `var-${percentEncode(name)}=${percentEncode(one)}`).join("&"),
};

const DEFAULT = (value) => (Array.isArray(value) ? (value.length === 1 ? String(value[0]) : `{${value.join(",")}}`) : String(value));

/** Names of the formats that are known. */
export const FORMAT_NAMES = Object.keys(FORMATS);

/**
 * Fill `text`. `look(name, format)` gives a variable's value (text, number or a list), or undefined for one that
 * it does not know; `encode` is put around values that have no format of their own.
 */
export function fill(text, look, encode = (shown) => shown) {
  if (typeof text !== "string" || !/[$[]/.test(text)) return text;
  return text.replace(VARIABLE, (whole, braced, format, bracketed, oldFormat, bare) => {
    const name = braced ?? bracketed ?? bare;
    const wanted = format ?? oldFormat;
    const value = look(name, wanted);
    if (value === undefined || value === null) return whole;
    if (value.verbatim !== undefined) return value.verbatim;
    const make = Object.hasOwn(FORMATS, wanted ?? "") ? FORMATS[wanted] : undefined;
    return make ? make(value, name) : encode(DEFAULT(value));
  });
}
