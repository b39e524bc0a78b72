// Rows in long form become one array of values for each label, all on the same times.

/**
 * @param rows sorted by time: `time` and `value`, and the label in the column `label`
 * @param order labels in the order to list them; labels that are not in it follow
 * @returns {{times: number[], series: {name: string, values: (number|null)[]}[]}}
 */
export function widen(rows, label, order = []) {
  const times = [...new Set(rows.map((row) => row.time))].sort((a, b) => a - b);
  const at = new Map(times.map((time, i) => [time, i]));
  const byName = new Map();
  for (const row of rows) {
    if (!byName.has(row[label])) byName.set(row[label], new Array(times.length).fill(null));
    byName.get(row[label])[at.get(row.time)] = row.value;
  }
  const rank = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
  const names = [...byName.keys()].sort((a, b) => rank(a) - rank(b) || String(a).localeCompare(String(b)));
  return { times, series: names.map((name) => ({ name, values: byName.get(name) })) };
}

export const total = (values) => values.reduce((sum, value) => sum + (value ?? 0), 0);
export const highest = (values) =>
  values.reduce((top, value) => (value !== null && (top === null || value > top) ? value : top), null);
export const latest = (values) => values.findLast((value) => value !== null) ?? null;
