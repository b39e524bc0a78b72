// Numbers as people read them: Grafana's unit ids, and how many decimals are worth showing.
// Ids: packages/grafana-data/src/valueFormats/categories.ts of https://github.com/grafana/grafana.

import { ago, isoLocal, lengthOf } from "./moments.js";

export const NONE = "–";

const SHORT = ["", " K", " Mil", " Bil", " Tri", " Quadr"];
const MONEY = ["", "K", "M", "B", "T"];
const SI = [" ", " k", " M", " G", " T", " P"];
const BINARY = [" ", " Ki", " Mi", " Gi", " Ti", " Pi"];

/** Decimals that leave three digits: 1234.5 has none, 12.34 one, 0.01234 four; whole numbers have none. */
export function decimalsFor(value) {
  const size = Math.abs(value);
  if (size === 0 || !Number.isFinite(size) || Number.isInteger(value)) return 0;
  return Math.max(0, Math.min(20, 2 - Math.floor(Math.log10(size))));
}

function digits(value, decimals) {
  if (!Number.isFinite(value)) return String(value);
  const shown = value.toFixed(decimals ?? decimalsFor(value));
  return Number(shown) === 0 ? shown.replace("-", "") : shown;
}

/** `value` divided by `base` until it fits, with the step's name behind it. */
function scaled(base, names, tail = "", head = "") {
  return (value, decimals) => {
    let size = value;
    let step = 0;
    while (Math.abs(size) >= base && step < names.length - 1) {
      size /= base;
      step += 1;
    }
    return { prefix: head, number: digits(size, decimals), suffix: names[step] + tail };
  };
}

const plain = (tail) => (value, decimals) => ({ prefix: "", number: digits(value, decimals), suffix: tail });

/** A length of time given in units of `ms` milliseconds, in the largest unit that leaves a whole digit. */
function duration(ms) {
  const steps = [
    [1e-6, " ns"],
    [1e-3, " µs"],
    [1, " ms"],
    [1e3, " s"],
    [6e4, " min"],
    [3.6e6, " hour"],
    [8.64e7, " day"],
    [6.048e8, " week"],
    [3.1536e10, " year"],
  ];
  const own = steps.find(([size]) => size === ms);
  return (value, decimals) => {
    const length = value * ms;
    const fits = steps.filter(([size]) => Math.abs(length) >= size).at(-1);
    const [size, name] = value === 0 || !fits ? own : fits;
    return { prefix: "", number: digits(length / size, decimals), suffix: name };
  };
}

function percent(factor) {
  return (value, decimals) => {
    const share = value * factor;
    const dec = decimals ?? Math.min(decimalsFor(share), 1);
    // 99.996 % is not 100 %: whoever reads "100 %" stops looking.
    const cut = share < 100 && Number(share.toFixed(dec)) === 100;
    return { prefix: "", number: cut ? (100 - 10 ** -Math.max(dec, 1)).toFixed(Math.max(dec, 1)) : digits(share, dec), suffix: "%" };
  };
}

const word = (make) => (value) => ({ prefix: "", number: make(value), suffix: "" });
const money = (sign) => scaled(1000, MONEY, "", sign);

const UNITS = new Map([
  ["none", plain("")],
  ["string", word(String)],
  ["short", scaled(1000, SHORT)],
  ["locale", word((value) => value.toLocaleString("en"))],
  ["sci", word((value) => value.toExponential())],
  ["percent", percent(1)],
  ["percentunit", percent(100)],
  ["ns", duration(1e-6)],
  ["µs", duration(1e-3)],
  ["ms", duration(1)],
  ["s", duration(1e3)],
  ["m", duration(6e4)],
  ["h", duration(3.6e6)],
  ["d", duration(8.64e7)],
  ["dtdurationms", word(lengthOf)],
  ["dtdurations", word((value) => lengthOf(value * 1000))],
  ["bytes", scaled(1024, BINARY, "B")],
  ["decbytes", scaled(1000, SI, "B")],
  ["bits", scaled(1024, BINARY, "b")],
  ["decbits", scaled(1000, SI, "b")],
  ["binBps", scaled(1024, BINARY, "B/s")],
  ["Bps", scaled(1000, SI, "B/s")],
  ["bps", scaled(1000, SI, "b/s")],
  ["cps", scaled(1000, SHORT, " c/s")],
  ["ops", scaled(1000, SHORT, " ops/s")],
  ["reqps", scaled(1000, SHORT, " req/s")],
  ["rps", scaled(1000, SHORT, " rd/s")],
  ["wps", scaled(1000, SHORT, " wr/s")],
  ["iops", scaled(1000, SHORT, " io/s")],
  ["eps", scaled(1000, SHORT, " evt/s")],
  ["mps", scaled(1000, SHORT, " msg/s")],
  ["cpm", scaled(1000, SHORT, " c/m")],
  ["opm", scaled(1000, SHORT, " ops/m")],
  ["reqpm", scaled(1000, SHORT, " req/m")],
  ["currencyUSD", money("$")],
  ["currencyEUR", money("€")],
  ["currencyGBP", money("£")],
  ["bool", word((value) => (value ? "True" : "False"))],
  ["bool_yes_no", word((value) => (value ? "Yes" : "No"))],
  ["bool_on_off", word((value) => (value ? "On" : "Off"))],
  ["dateTimeAsIso", word(isoLocal)],
  ["dateTimeAsSystem", word(isoLocal)],
  ["dateTimeAsLocal", word(isoLocal)],
  ["dateTimeFromNow", word((value) => ago(value, Date.now()))],
]);

const CUSTOM = new Map([
  ["suffix", (text) => plain(text)],
  ["prefix", (text) => (value, decimals) => ({ ...plain("")(value, decimals), prefix: text })],
  ["currency", money],
  ["count", (text) => scaled(1000, SHORT, ` ${text}`)],
  ["si", (text) => scaled(1000, SI, text)],
]);

/** Whether a unit is one of those that the console writes as Grafana does. */
export const isUnit = (unit) => UNITS.has(unit) || CUSTOM.has(unit.split(":", 1)[0]);

function formatter(unit) {
  const known = UNITS.get(unit || "none");
  if (known) return known;
  const [kind, ...rest] = unit.split(":");
  const made = rest.length ? CUSTOM.get(kind) : undefined;
  // As Grafana: what is not on its list is shown behind the number.
  return made ? made(rest.join(":")) : plain(` ${unit}`);
}

/** The parts of a value: `{prefix, number, suffix}`, all text; a missing value is a dash. */
export function formatParts(value, unit = "none", decimals = undefined) {
  if (value === null || value === undefined || Number.isNaN(value)) return { prefix: "", number: NONE, suffix: "" };
  const number = typeof value === "boolean" ? Number(value) : value;
  if (typeof number !== "number") return { prefix: "", number: String(number), suffix: "" };
  return formatter(unit)(number, decimals ?? undefined);
}

/** A value in a unit of Grafana's list, with so many decimals or as many as are worth showing. */
export function formatValue(value, unit = "none", decimals = undefined) {
  const { prefix, number, suffix } = formatParts(value, unit, decimals);
  return prefix + number + suffix;
}
