// Options for uPlot from the lines of a panel: lines, areas, bars, points, stacks, thresholds and marks.

import uPlot from "../vendor/uPlot.esm.js";
import { shown } from "../colors.js";
import { axes, valueRange } from "./axes.js";
import { faded, ink } from "./kit.js";
import { stacked } from "./gather.js";

const PATHS = {
  linear: () => uPlot.paths.linear(),
  smooth: () => uPlot.paths.spline(),
  stepBefore: () => uPlot.paths.stepped({ align: -1 }),
  stepAfter: () => uPlot.paths.stepped({ align: 1 }),
};

const custom = (line) => line.field.config.custom ?? {};
const isBars = (line) => custom(line).drawStyle === "bars";
const isStacked = (line) => ["normal", "percent"].includes(custom(line).stacking?.mode);

/** What is drawn: times first, then a column for each line, summed where the panel stacks them. */
export function dataOf({ times, series }) {
  const columns = series.map(({ values }) => values);
  return [times, ...(series.some(isStacked) ? stacked(columns) : columns)];
}

/** Options for `new uPlot`, for lines of `gather`; `host` gives the colours of the theme. */
export function optionsOf({ host, context, series, hooks, width, height }) {
  const stack = series.some(isStacked);
  return {
    width,
    height,
    ms: 1,
    pxAlign: 1,
    padding: [10, 10, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: true, range: () => [context().range.from, context().range.to] },
      y: { range: valueRange(series, stack || series.some(isBars), uPlot.rangeNum) },
    },
    axes: axes(host, series),
    series: [{}, ...series.map((line) => seriesOf(host, line))],
    // Each sum is drawn down to the sum below it, so that colours do not lie over each other.
    bands: stack ? series.slice(1).map((_, i) => ({ series: [i + 2, i + 1] })) : [],
    focus: { alpha: 0.35 },
    cursor: {
      drag: { x: true, y: false, setScale: false, dist: 6 },
      focus: { prox: series.length > 1 && series.length <= 60 && !stack ? 18 : -1 },
      points: { show: series.length <= 60, size: 7 },
    },
    hooks: { ...hooks, drawAxes: [(plot) => drawAreas(plot, context(), series)], draw: [(plot) => drawMarks(plot, host, context(), series)] },
  };
}

function seriesOf(host, line) {
  const { fillOpacity = 0, lineWidth = 1, lineInterpolation, lineStyle, showPoints, pointSize = 5, spanNulls, drawStyle } = custom(line);
  const color = ink(line.color, host);
  const bars = isBars(line);
  return {
    label: line.name,
    stroke: color,
    fill: fillOpacity > 0 ? faded(color, fillOpacity / 100) : bars ? color : undefined,
    // A hair line of one pixel cannot be seen from afar.
    width: bars ? lineWidth : drawStyle === "points" ? 0 : Math.max(lineWidth, 1.5),
    dash: lineStyle?.fill === "dash" ? (lineStyle.dash ?? [10, 10]) : undefined,
    spanGaps: Boolean(spanNulls),
    paths: bars
      ? uPlot.paths.bars({ size: [custom(line).barWidthFactor ?? 0.6, 100], align: 0 })
      : (PATHS[lineInterpolation] ?? PATHS.linear)(),
    points: bars
      ? { show: false }
      : { show: showPoints === "always" || drawStyle === "points", size: pointSize, fill: color, filter: showPoints === "never" ? () => null : alone },
  };
}

/** Values without a neighbour: a line from nothing to nothing would not be seen. */
function alone(plot, at, all) {
  if (all) return null;
  const values = plot.data[at];
  const missing = (i) => values[i] === null || values[i] === undefined;
  const found = [];
  for (let i = 0; i < values.length; i += 1) if (!missing(i) && missing(i - 1) && missing(i + 1)) found.push(i);
  return found;
}

const thresholdsOf = (series) => {
  const found = series.find((line) => /line|dashed|area/.test(custom(line).thresholdsStyle?.mode ?? ""));
  return found ? { mode: custom(found).thresholdsStyle.mode, steps: found.field.config.thresholds?.steps ?? [] } : { mode: "off", steps: [] };
};

function inside(plot, draw) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw(ctx, bbox, uPlot.pxRatio);
  ctx.restore();
}

function drawAreas(plot, context, series) {
  inside(plot, (ctx, box) => {
    const { mode, steps } = thresholdsOf(series);
    if (mode.includes("area")) drawSteps(plot, ctx, box, context, steps);
    for (const { time, timeEnd, color } of joined(context.annotations ?? [])) {
      const [left, right] = [time, timeEnd].map((at) => plot.valToPos(at, "x", true));
      ctx.fillStyle = faded(ink(color, plot.root), 0.14);
      ctx.fillRect(left, box.top, right - left, box.height);
    }
  });
}

/** The stretches of annotations, those of a colour that overlap as one: many at once would hide what they lie over. */
function joined(annotations) {
  const found = [];
  for (const { time, timeEnd, color } of annotations.filter((note) => note.timeEnd > note.time).toSorted((a, b) => a.time - b.time)) {
    const before = found.findLast((other) => other.color === color);
    if (before && time <= before.timeEnd) before.timeEnd = Math.max(before.timeEnd, timeEnd);
    else found.push({ time, timeEnd, color });
  }
  return found;
}

function drawSteps(plot, ctx, box, context, steps) {
  steps.forEach(({ value, color }, i) => {
    const bottom = typeof value === "number" ? plot.valToPos(value, "y", true) : box.top + box.height;
    const top = i + 1 < steps.length ? plot.valToPos(steps[i + 1].value, "y", true) : box.top;
    ctx.fillStyle = faded(ink(shown(color, context.theme), plot.root), 0.12);
    ctx.fillRect(box.left, top, box.width, bottom - top);
  });
}

function drawMarks(plot, host, context, series) {
  inside(plot, (ctx, box, ratio) => {
    const { mode, steps } = thresholdsOf(series);
    ctx.lineWidth = Math.round(1.5 * ratio);
    ctx.setLineDash(mode.includes("dashed") ? [8 * ratio, 6 * ratio] : []);
    for (const { value, color } of /line|dashed/.test(mode) ? steps : []) {
      if (typeof value !== "number") continue;
      const y = plot.valToPos(value, "y", true);
      stroke(ctx, ink(shown(color, context.theme), host), [box.left, y], [box.left + box.width, y]);
    }
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    for (const { time, color } of context.annotations ?? []) {
      const x = plot.valToPos(time, "x", true);
      stroke(ctx, ink(color, host), [x, box.top], [x, box.top + box.height]);
    }
  });
}

/** A straight line on whole pixels: between them it would be drawn wider and paler. */
function stroke(ctx, color, from, to) {
  const whole = (at) => Math.round(at) + (ctx.lineWidth % 2) / 2;
  ctx.strokeStyle = color;
  ctx.beginPath();
  ctx.moveTo(...from.map(whole));
  ctx.lineTo(...to.map(whole));
  ctx.stroke();
}
