// Frames as lines over one axis of times: what uPlot draws, legends list and tooltips read.

import { seriesColor } from "../fields.js";
import { hiddenFrom } from "./kit.js";

/**
 * `{times, series: [{field, name, color, values}]}` of all frames, in the order in which the panel names colours
 * (worst first), then as they came. A missing value is null; a time that another frame alone has is undefined.
 */
export function gather(panel, frames) {
  const parts = frames.map(split).filter(Boolean);
  const times = shared(parts) ?? [...new Set(parts.flatMap((part) => part.times))].sort((a, b) => a - b);
  const series = parts.flatMap((part) => part.fields.map((field) => lineOf(field, aligned(part.times, field.values, times))));
  return { times, series: ranked(series, panel.fieldConfig?.overrides ?? []) };
}

function split(frame) {
  const time = frame.fields.find((field) => field.type === "time");
  if (!time) return null;
  return {
    times: time.values,
    fields: frame.fields.filter((field) => field.type === "number" && !hiddenFrom(field, "viz")),
  };
}

/** The times of all parts when they are the same and in order, which they nearly always are. */
function shared([first, ...others]) {
  if (!first) return [];
  const { times } = first;
  const ordered = times.every((time, i) => typeof time === "number" && (i === 0 || time > times[i - 1]));
  const same = (part) => part.times.length === times.length && part.times.every((time, i) => time === times[i]);
  return ordered && others.every(same) ? times : null;
}

function aligned(own, values, times) {
  if (own === times) return values;
  const at = new Map(own.map((time, i) => [time, values[i] ?? null]));
  return times.map((time) => at.get(time));
}

const number = (value) => (typeof value === "number" && Number.isFinite(value) ? value : value === undefined ? undefined : null);

function lineOf(field, values) {
  return { field, name: field.displayName ?? field.name, color: seriesColor(field), values: values.map(number) };
}

function ranked(series, overrides) {
  const colors = overrides.flatMap(({ properties }) =>
    properties.filter(({ id }) => id === "color").map(({ value }) => JSON.stringify(value)),
  );
  const rank = ({ field }) => {
    const found = colors.indexOf(JSON.stringify(field.config.color));
    return found === -1 ? colors.length : found;
  };
  return series.map((line) => [rank(line), line]).sort(([a], [b]) => a - b).map(([, line]) => line);
}

/** Values on top of each other: for each series the sum of itself and those below it; gaps stay gaps. */
export function stacked(columns) {
  const heights = [];
  return columns.map((values) =>
    values.map((value, i) => {
      if (value === null || value === undefined) return value;
      heights[i] = (heights[i] ?? 0) + value;
      return heights[i];
    }),
  );
}
