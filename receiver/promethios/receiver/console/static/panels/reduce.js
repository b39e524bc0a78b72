// One number from many: what legends and stats show. Nulls and NaN are left out, as Grafana does.

const numbers = (values) => values.filter((value) => typeof value === "number" && !Number.isNaN(value));
const sum = (values) => values.reduce((total, value) => total + value, 0);
// Not Math.max(...values): a long series has more values than a call may have arguments.
const most = (values) => values.reduce((a, b) => (b > a ? b : a));
const least = (values) => values.reduce((a, b) => (b < a ? b : a));
const of = (calculate) => (values) => {
  const found = numbers(values);
  return found.length ? calculate(found) : null;
};
const present = (values) => values.filter((value) => value !== null && value !== undefined && !Number.isNaN(value));

const CALCS = new Map([
  ["last", ["Last", (values) => values.at(-1) ?? null]],
  ["lastNotNull", ["Last", (values) => present(values).at(-1) ?? null]],
  ["first", ["First", (values) => values[0] ?? null]],
  ["firstNotNull", ["First", (values) => present(values)[0] ?? null]],
  ["max", ["Max", of(most)]],
  ["min", ["Min", of(least)]],
  ["mean", ["Mean", of((values) => sum(values) / values.length)]],
  ["sum", ["Total", of(sum)]],
  ["count", ["Count", (values) => values.length]],
  ["range", ["Range", of((values) => most(values) - least(values))]],
  ["diff", ["Difference", of((values) => values.at(-1) - values[0])]],
]);

/** The heading of a calculation; an unknown one is called by its id. */
export const calcName = (id) => CALCS.get(id)?.[0] ?? id;

/** A calculation over values; null when nothing is left to calculate with, or it is not known. */
export function reduce(id, values) {
  return CALCS.get(id)?.[1](values) ?? null;
}
