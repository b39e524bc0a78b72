// Values over time, drawn by uPlot: point, press, drag, or use the keyboard.

import uPlot from "../vendor/uPlot.esm.js";
import { el, replace } from "../dom.js";
import { isoLocal } from "../moments.js";
import { gather } from "./gather.js";
import { hiddenFrom, listed, nameOf, nothing, onResize } from "./kit.js";
import { legend, pressed } from "./legend.js";
import { annotationMarks } from "./marks.js";
import { dataOf, optionsOf } from "./plot.js";
import { steps, zoomTo } from "./keys.js";
import { readings, tooltip } from "./tooltip.js";
import { valuesTable } from "./values.js";

const NARROW = 440;

class TimeSeries {
  constructor(host, context) {
    this.host = host;
    this.context = context;
    this.isolated = new Set();
    this.build();
    this.update(context);
  }

  build() {
    const name = nameOf(this.context.panel);
    this.area = el("div", { class: "p-plot", tabindex: 0, role: "group", "aria-roledescription": "chart", "data-focus": "chart" });
    this.marks = el("div", { class: "p-marks" });
    this.keys = el("div", { class: "p-legend", role: "group", "aria-label": `${name}: legend` });
    this.told = el("p", { class: "sr", "aria-live": "polite" });
    this.values = valuesTable(name, () => ({ ...this.seen, format: this.context.format }));
    this.box = el("div", { class: "p-chart" }, this.area, this.keys, this.values, this.told);
    this.tip = tooltip(this.box);
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.area.addEventListener("pointerleave", () => this.leave());
    this.area.addEventListener("blur", () => this.leave());
    this.stopResize = onResize(this.area, () => this.draw());
    this.stopHover = this.context.hover?.on((time) => this.follow(time));
  }

  update(context) {
    this.context = context;
    this.all = gather(context.panel, context.frames);
    if (!this.all.series.length || !this.all.times.length) return this.empty();
    if (!this.box.isConnected) replace(this.host, this.box);
    for (const name of this.isolated) if (!this.all.series.some((line) => line.name === name)) this.isolated.delete(name);
    this.show();
  }

  empty() {
    this.end();
    nothing(this.host, this.context.panel);
  }

  show() {
    const { series, times } = this.all;
    const { isolated, context } = this;
    this.seen = { times, series: isolated.size ? series.filter((line) => isolated.has(line.name)) : series };
    this.box.classList.toggle("p-right", this.host.clientWidth >= NARROW && context.panel.options?.legend?.placement === "right");
    legend(this.keys, context, series, isolated, (name, more) => {
      this.isolated = pressed(this.isolated, name, more);
      this.show();
    });
    this.area.setAttribute("aria-label", this.summary());
    this.draw();
  }

  /** Draw anew when lines, colours or theme have changed; else uPlot takes the new values, which is quicker. */
  draw() {
    const { clientWidth: width, clientHeight: height } = this.area;
    if (!this.seen || width < 40 || height < 40) return;
    const form = JSON.stringify([this.context.theme, this.seen.series.map(({ name, color, field }) => [name, color, field.config])]);
    if (this.plot && this.form === form) {
      if (this.plot.width !== width || this.plot.height !== height) this.plot.setSize({ width, height });
      this.plot.setData(dataOf(this.seen));
    } else {
      this.end();
      this.form = form;
      this.plot = new uPlot(this.options(width, height), dataOf(this.seen), this.area);
      this.plot.over.append(this.marks);
    }
    // uPlot sets its scales in a task of its own, which comes before this one.
    queueMicrotask(() => this.plot && annotationMarks(this.marks, this.context, (time) => this.plot.valToPos(time, "x"), this.marksTip()));
  }

  options(width, height) {
    const hooks = { setCursor: [(plot) => this.pointed(plot)], setSelect: [(plot) => this.selected(plot)], setSeries: [(_, at) => (this.near = at)] };
    return optionsOf({ host: this.host, context: () => this.context, series: this.seen.series, hooks, width, height });
  }

  marksTip() {
    const { tip } = this;
    const { left, top } = this.offset();
    return { hide: tip.hide, show: (said) => tip.show({ ...said, x: said.x + left, y: said.y + top }) };
  }

  offset() {
    const over = this.plot.over.getBoundingClientRect();
    const box = this.box.getBoundingClientRect();
    return { left: over.left - box.left, top: over.top - box.top };
  }

  /** uPlot's cursor has moved: by the pointer here, by a key here, or because another chart is pointed at. */
  pointed(plot) {
    if (this.following) return;
    const { idx, left, top } = plot.cursor;
    if (idx === null || idx === undefined || left < 0) return this.leave();
    this.at = idx;
    this.context.hover?.set(this.seen.times[idx]);
    const offset = this.offset();
    this.tip.show({ title: isoLocal(this.seen.times[idx]), rows: this.rows(idx), x: left + offset.left, y: top + offset.top });
  }

  rows(idx) {
    const near = this.seen.series[this.near - 1]?.name;
    const single = this.context.panel.options?.tooltip?.mode === "single" && near;
    const series = this.seen.series.filter(({ field }) => !hiddenFrom(field, "tooltip"));
    return readings(this.context, series, idx)
      .filter(({ name }) => !single || name === near)
      .map((row) => ({ ...row, strong: row.name === near }));
  }

  leave() {
    this.tip.hide();
    if (this.at === undefined) return;
    this.at = undefined;
    this.context.hover?.set(null);
  }

  /** Another chart is pointed at: show the same time here. */
  follow(time) {
    if (!this.plot || this.at !== undefined) return;
    this.following = true;
    const left = time === null ? -10 : this.plot.valToPos(time, "x");
    this.plot.setCursor({ left, top: time === null ? -10 : this.plot.over.clientHeight / 2 });
    this.following = false;
  }

  key(event) {
    if (event.target !== this.area || !this.plot) return;
    const { times } = this.seen;
    const at = this.at ?? this.read;
    const to = steps(event, at, times.length);
    if (event.key === "Escape") this.plot.setCursor({ left: -10, top: -10 });
    else if (to !== null) this.go(to);
    else if (!zoomed(event, this.context, times[at])) return;
    event.preventDefault();
  }

  /** Read the values at a time aloud. Where that was is kept: a pointer that lies elsewhere must not lose it. */
  go(at) {
    this.read = at;
    this.plot.setCursor({ left: this.plot.valToPos(this.seen.times[at], "x"), top: this.plot.over.clientHeight / 3 });
    const said = this.rows(at).map(({ name, text }) => `${name} ${text}`);
    this.told.textContent = `${isoLocal(this.seen.times[at])}: ${said.length ? listed(said, 12) : "no values"}`;
  }

  selected(plot) {
    const { left, width } = plot.select;
    if (width < 6) return;
    const [from, to] = [left, left + width].map((x) => Math.round(plot.posToVal(x, "x")));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    zoomTo(this.context, from, to);
  }

  summary() {
    const { series, times } = this.seen;
    const last = series.map(({ field, name, values }) => `${name} ${this.context.format(field, values.findLast((value) => typeof value === "number") ?? null).text}`);
    return `${nameOf(this.context.panel)}: ${series.length} series, ${isoLocal(times[0])} to ${isoLocal(times.at(-1))}. Latest: ${listed(last)}. Arrow keys read values, plus and minus zoom.`;
  }

  end() {
    this.plot?.destroy();
    this.plot = undefined;
    this.tip.hide();
  }

  destroy() {
    this.stopResize();
    this.stopHover?.();
    this.end();
    this.host.replaceChildren();
  }
}

/** Plus and minus: half the range around a time, or twice as much. */
function zoomed(event, context, time) {
  const { from, to } = context.range;
  const factor = { "+": 0.25, "=": 0.25, "-": 1 }[event.key];
  if (!factor || event.ctrlKey || event.metaKey) return false;
  const middle = time ?? (from + to) / 2;
  const half = (to - from) * factor;
  zoomTo(context, Math.round(middle - half), Math.round(middle + half));
  return true;
}

export function mount(host, context) {
  const chart = new TimeSeries(host, context);
  return { update: (next) => chart.update(next), destroy: () => chart.destroy() };
}
