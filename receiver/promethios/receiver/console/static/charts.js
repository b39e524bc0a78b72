// Time charts, drawn by hand as SVG: stacked bars and lines, with axes, a shared cursor and a legend that is
// a table. The pointer or the arrow keys move the cursor; what it points at is read out.

import { moveCursor, onCursor } from "./cursor.js";
import { el, replace, svg } from "./dom.js";
import { days, hours, moment } from "./format.js";
import { ticks, timeTicks } from "./scale.js";
import { highest, latest, total } from "./series.js";
import { colorOf } from "./words.js";

const HEIGHT = 172;
const MARGIN = { top: 8, right: 8, bottom: 22, left: 54 };

/**
 * A chart in `host`. `draw(data)` shows `{times, series}` (see series.js) with `step` ms between the times.
 * Options: `kind` "bars" or "lines", `format` for values, `label` for those who cannot see it.
 */
export function timeChart(host, { kind, format, label }) {
  const plot = el("div", { class: "plot" });
  const tip = el("div", { class: "tip", hidden: true });
  const spoken = el("p", { class: "sr", "aria-live": "polite" });
  const legend = el("div", { class: "legend" });
  host.classList.add("chart");
  replace(host, plot, legend, spoken);
  let shown = null;
  let frame = null;

  function paint() {
    if (!shown || !plot.clientWidth) return;
    frame = layout(shown, plot.clientWidth, kind);
    replace(plot, picture(frame, shown, { kind, format, label, onpoint, onkey }), tip);
    tip.hidden = true;
  }

  function onpoint(event) {
    if (event.type === "pointerleave") return leave();
    const box = plot.getBoundingClientRect();
    point(frame.indexAt(event.clientX - box.left));
  }

  function onkey(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (event.key === "Escape") return leave();
    if (move === undefined || !shown.times.length) return;
    event.preventDefault();
    const last = shown.times.length - 1;
    const next = Math.min(last, Math.max(0, (frame.pointed ?? last + 1) + move));
    point(next);
    spoken.textContent = [moment(shown.times[next]), ...readings(shown, next, format)].join(", ");
  }

  function leave() {
    tip.hidden = true;
    frame.pointed = null;
    moveCursor(null);
  }

  function point(index) {
    if (index === null) return leave();
    frame.pointed = index;
    moveCursor(shown.times[index]);
    replace(tip, tooltip(shown, index, format));
    tip.hidden = false;
    const x = frame.x(index);
    const left = x > frame.width / 2 ? x - tip.offsetWidth - 12 : x + 12;
    tip.style.setProperty("left", `${Math.max(0, left)}px`);
  }

  onCursor((time) => {
    const rule = plot.querySelector(".rule");
    if (!rule || !frame) return;
    const index = time === null ? null : frame.nearest(time);
    rule.setAttribute("visibility", index === null ? "hidden" : "visible");
    if (index !== null) rule.setAttribute("transform", `translate(${frame.x(index)} 0)`);
  });
  new ResizeObserver(paint).observe(plot);

  return {
    draw(data) {
      shown = data;
      replace(legend, legendTable(data, kind, format, label));
      paint();
    },
  };
}

/** Where things are: functions from an index to pixels and back, and the tops of stacks. */
function layout({ times, series, step, whole }, width, kind) {
  const inner = {
    w: Math.max(10, width - MARGIN.left - MARGIN.right),
    h: HEIGHT - MARGIN.top - MARGIN.bottom,
  };
  const n = Math.max(1, times.length);
  const slot = inner.w / n;
  const tops =
    kind === "bars"
      ? times.map((_, i) => total(series.map((s) => s.values[i])))
      : series.flatMap((s) => s.values);
  const marks = ticks(highest(tops) ?? 0, 4, whole);
  const top = marks[marks.length - 1];
  return {
    width,
    inner,
    slot,
    marks,
    pointed: null,
    x: (i) => MARGIN.left + (i + 0.5) * slot,
    y: (value) => MARGIN.top + inner.h * (1 - value / top),
    xOf: (time) => MARGIN.left + ((time - times[0]) / (step * n)) * inner.w,
    indexAt: (px) =>
      times.length && px >= MARGIN.left && px <= width - MARGIN.right
        ? Math.min(n - 1, Math.floor((px - MARGIN.left) / slot))
        : null,
    nearest: (time) => {
      const i = times.length ? Math.round((time - times[0]) / step) : -1;
      return i >= 0 && i < times.length ? i : null;
    },
  };
}

function picture(frame, data, { kind, format, label, onpoint, onkey }) {
  const nothing = highest(data.series.flatMap((s) => s.values)) === null;
  const paths = kind === "bars" ? bars(frame, data.series) : data.series.map((s) => line(frame, s));
  return svg(
    "svg",
    {
      width: frame.width,
      height: HEIGHT,
      viewBox: `0 0 ${frame.width} ${HEIGHT}`,
      role: "img",
      tabindex: 0,
      "aria-label": `${label}. ${summary(data, kind, format)}. Arrow keys read single values.`,
      "data-focus": "plot",
      onpointermove: onpoint,
      onpointerleave: onpoint,
      onkeydown: onkey,
    },
    axes(frame, data, format),
    paths,
    nothing &&
      svg(
        "text",
        { class: "tick", x: MARGIN.left + frame.inner.w / 2, y: HEIGHT / 2, "text-anchor": "middle" },
        "Nothing in this range",
      ),
    svg("line", { class: "rule", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, visibility: "hidden" }),
  );
}

function axes(frame, { times, step }, format) {
  const right = frame.width - MARGIN.right;
  const rows = frame.marks.map((mark) => [
    svg("line", {
      class: mark === 0 ? "base" : "grid",
      x1: MARGIN.left,
      x2: right,
      y1: frame.y(mark),
      y2: frame.y(mark),
    }),
    svg(
      "text",
      { class: "tick", x: MARGIN.left - 8, y: frame.y(mark) + 4, "text-anchor": "end" },
      format(mark),
    ),
  ]);
  if (!times.length) return rows;
  const end = times[0] + step * times.length;
  const below = timeTicks(times[0], end, Math.max(2, Math.floor(frame.inner.w / 70)));
  const columns = below.times.map((time) =>
    svg(
      "text",
      { class: "tick", x: frame.xOf(time), y: HEIGHT - 5, "text-anchor": "middle" },
      below.daily ? days(time) : hours(time),
    ),
  );
  return [rows, columns];
}

/** One path for each series: rectangles stacked on those of the series below it in severity. */
function bars(frame, series) {
  const width = frame.slot > 3 ? frame.slot - 1 : frame.slot;
  const base = new Array(series[0]?.values.length ?? 0).fill(0);
  return series.toReversed().map(({ name, values }) => {
    let d = "";
    values.forEach((value, i) => {
      if (!value) return;
      const y = frame.y(base[i] + value);
      const h = frame.y(base[i]) - y;
      base[i] += value;
      const x = frame.x(i) - width / 2;
      d += `M${x.toFixed(1)} ${y.toFixed(1)}h${width.toFixed(1)}v${h.toFixed(1)}h-${width.toFixed(1)}z`;
    });
    return svg("path", { class: `fill ${colorOf(name)}`, d });
  });
}

/** A line with gaps where there is no value; a value between two gaps is a dot. */
function line(frame, { name, values }) {
  const dots = [];
  let d = "";
  values.forEach((value, i) => {
    if (value === null) return;
    const at = [frame.x(i).toFixed(1), frame.y(value).toFixed(1)];
    const first = i === 0 || values[i - 1] === null;
    const alone = first && (i === values.length - 1 || values[i + 1] === null);
    if (alone) dots.push(svg("circle", { class: `fill ${colorOf(name)}`, cx: at[0], cy: at[1], r: 2.5 }));
    else d += `${first ? "M" : "L"}${at[0]} ${at[1]}`;
  });
  return [d && svg("path", { class: `stroke ${colorOf(name)}`, d }), dots];
}

const readings = ({ series }, i, format) => series.map((s) => `${s.name} ${format(s.values[i])}`);

function tooltip(data, i, format) {
  return [
    el("div", { class: "tip-time" }, moment(data.times[i])),
    data.series.map((s) =>
      el(
        "div",
        { class: "tip-row" },
        swatch(s.name),
        el("span", {}, s.name),
        el("b", {}, format(s.values[i])),
      ),
    ),
  ];
}

const swatch = (name) => el("i", { class: `swatch ${colorOf(name)}` });

function figures(kind) {
  return kind === "bars"
    ? [
        ["Total", total],
        ["Most", highest],
      ]
    : [
        ["Last", latest],
        ["Most", highest],
      ];
}

function legendTable({ series }, kind, format, label) {
  const columns = figures(kind);
  return el(
    "table",
    {},
    el("caption", { class: "sr" }, label),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, el("span", { class: "sr" }, "Series")),
        columns.map(([head]) => el("th", { scope: "col", class: "num" }, head)),
      ),
    ),
    el(
      "tbody",
      {},
      series.map((s) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, swatch(s.name), s.name),
          columns.map(([, of]) => el("td", { class: "num" }, format(of(s.values)))),
        ),
      ),
    ),
  );
}

function summary({ series }, kind, format) {
  const [[head, of]] = figures(kind);
  return series.length
    ? `${head}: ${series.map((s) => `${s.name} ${format(of(s.values))}`).join(", ")}`
    : "No values";
}
