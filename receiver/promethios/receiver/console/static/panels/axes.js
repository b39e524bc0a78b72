// How a chart's axes are marked: times as people read them, values in their unit, no half of a count.

import { clock, isoLocal } from "../moments.js";
import { formatParts } from "../units.js";
import { ink } from "./kit.js";

const DAY = 86_400_000;
const MINUTE = 60_000;
const FONT = "11px system-ui, sans-serif";

/** Marks `step` ms apart: clock times, and the day where one begins or is all that matters. */
export function timeMarks(times, step) {
  return times.map((time) => {
    const day = isoLocal(time).slice(5, 10);
    if (step >= DAY) return day;
    const at = clock(time);
    if (at === "00:00:00") return day;
    return step >= MINUTE ? at.slice(0, 5) : at;
  });
}

/** Steps that an axis of whole numbers may have, in the field's unit. */
const WHOLE = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

const countable = (series) => series.every(({ values }) => values.every((value) => value === null || value === undefined || Number.isInteger(value)));

/** A mark without the zeros that only fill up: "0.005", not "0.00500". */
function short(mark, unit, decimals) {
  const { prefix, number, suffix } = formatParts(mark, unit, decimals);
  return prefix + (/^-?\d+\.\d+$/.test(number) ? String(Number(number)) : number) + suffix;
}

/** Both axes for uPlot, coloured as the theme is where `node` stands. */
export function axes(node, series) {
  const stroke = ink("var(--dim)", node);
  const line = { stroke: ink("var(--grid)", node), width: 1 };
  const common = { stroke, font: FONT, grid: line, ticks: { ...line, size: 4 }, gap: 4 };
  const { unit, decimals } = series[0]?.field.config ?? {};
  return [
    { ...common, size: 26, space: 64, values: (_, times, _axis, _space, step) => timeMarks(times, step) },
    {
      ...common,
      ...(countable(series) && { incrs: WHOLE }),
      space: 28,
      size: widthOf,
      values: (_, marks) => marks.map((mark) => short(mark, unit, decimals)),
    },
  ];
}

/** As wide as its longest mark, and never more than a third of the chart. */
function widthOf(plot, marks) {
  const longest = (marks ?? []).reduce((a, b) => (b && b.length > a.length ? b : a), "");
  plot.ctx.save();
  plot.ctx.font = FONT;
  const { width } = plot.ctx.measureText(longest);
  plot.ctx.restore();
  return Math.min(Math.ceil(width) + 14, Math.floor(plot.width / 3));
}

/** From the lowest to the highest value to show, with room above; a flat line lies within, not on the edge. */
export function valueRange(series, fromZero, rangeNum) {
  const configured = (name, pick) => {
    const given = series.map(({ field }) => field.config[name]).filter((value) => typeof value === "number");
    return given.length ? pick(...given) : undefined;
  };
  const min = configured("min", Math.min);
  const max = configured("max", Math.max);
  return (_, low, high) => {
    if (low === null || low === undefined) return [min ?? 0, max ?? (min ?? 0) + 1];
    const soft = fromZero || low >= 0 ? { min: { pad: 0.05, soft: 0, mode: 1 }, max: { pad: 0.08, soft: 0, mode: 2 } } : 0.08;
    const [bottom, top] = rangeNum(low, high, soft === 0.08 ? { min: { pad: 0.08 }, max: { pad: 0.08 } } : soft);
    return ordered(min ?? bottom, max ?? top, low, high);
  };
}

function ordered(bottom, top, low, high) {
  if (!Number.isFinite(bottom) || !Number.isFinite(top)) return high > low ? [low, high] : [low - 1, low + 1];
  return top > bottom ? [bottom, top] : [bottom, bottom + 1];
}

const ROUND = [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE).concat([1, 2, 3, 6, 12].map((n) => n * 60 * MINUTE), [DAY, 2 * DAY, 7 * DAY]);

/** Round local times between `from` and `to` (Unix ms), about `most` and no more. */
export function roundTimes(from, to, most) {
  const seconds = [1, 2, 5, 10, 15, 30].map((n) => n * 1000);
  const step = [...seconds, ...ROUND].find((size) => (to - from) / size <= most) ?? Math.ceil((to - from) / most / DAY) * DAY;
  const offset = new Date(from).getTimezoneOffset() * MINUTE;
  const found = [];
  for (let time = Math.ceil((from - offset) / step) * step + offset; time <= to; time += step) found.push(time);
  return found;
}
