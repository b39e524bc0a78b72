// A state timeline's stretches: equal neighbours as one, and where each begins and ends.

import { seriesColor } from "../fields.js";
import { hiddenFrom } from "./kit.js";

/** `[{field, name, row, stretches: [{from, to, value, text, color}]}]`, a row for each field beside the time. */
export function timelines(context) {
  return context.frames.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === "time");
    if (!time) return [];
    const fields = frame.fields.filter((field) => field !== time && !hiddenFrom(field, "viz"));
    return fields.map((field) => ({
      field,
      name: field.displayName ?? field.name,
      row: field.values.length - 1,
      stretches: stretches(context, time.values, field),
    }));
  });
}

/** A value holds until the next one; the last as long as the step before it, and not beyond the range. */
function stretches(context, times, field) {
  const merge = context.panel.options?.mergeValues !== false;
  const found = [];
  times.forEach((from, i) => {
    const value = field.values[i];
    if (value === null || value === undefined || Number.isNaN(value)) return;
    const to = times[i + 1] ?? Math.min(from + (context.interval || from - (times[i - 1] ?? from) || 1), Math.max(context.range.to, from));
    const { text, color } = context.format(field, value);
    const last = found.at(-1);
    if (merge && last && last.to === from && last.text === text) last.to = to;
    else found.push({ from, to, value, text, color: color ?? seriesColor(field) });
  });
  return found;
}

/** Every state that occurs, once: `[{text, color}]`, in the order of the mappings. */
export function statesOf(rows) {
  const found = new Map();
  for (const { field, stretches: some } of rows) {
    for (const { text, color, value } of some) if (!found.has(text)) found.set(text, { text, color, rank: rank(field, value) });
  }
  return [...found.values()].sort((a, b) => a.rank - b.rank);
}

function rank({ config }, value) {
  for (const { type, options } of config.mappings ?? []) {
    if (type === "value" && Object.hasOwn(options, String(value))) return options[String(value)].index ?? 0;
  }
  return Number.MAX_SAFE_INTEGER;
}

/** The stretch of a row at a time, or undefined. */
export const stateAt = ({ stretches: some }, time) => some.find(({ from, to }) => time >= from && time < to);
