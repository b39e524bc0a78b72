// How many fell into each bucket at each step: a cell for each, the brighter the more.

import { el, replace } from "../dom.js";
import { isoLocal } from "../moments.js";
import { formatValue } from "../units.js";
import { roundTimes, timeMarks } from "./axes.js";
import { gather } from "./gather.js";
import { nameOf, nothing, onResize, styled } from "./kit.js";
import { steps } from "./keys.js";
import { tooltip } from "./tooltip.js";
import { valuesTable } from "./values.js";

// Cividis looks the same to everybody: Nuñez, Anderton, Renslow, https://doi.org/10.1371/journal.pone.0199239
const SCALE = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];

/** The colour of a share from 0 to 1, as "rgb(…)". */
function heat(share) {
  const at = Math.min(1, Math.max(0, share)) * (SCALE.length - 1);
  const [low, high] = [Math.floor(at), Math.ceil(at)].map((i) => [1, 3, 5].map((n) => Number.parseInt(SCALE[i].slice(n, n + 2), 16)));
  return `rgb(${low.map((c, i) => Math.round(c + (high[i] - c) * (at - Math.floor(at)))).join(", ")})`;
}

/** Lowest bucket first, where names are numbers; what is no number, as "+Inf", is last. */
const byEnd = (a, b) => end(a) - end(b);
const end = ({ name }) => (name.trim() !== "" && Number.isFinite(Number(name)) ? Number(name) : Infinity);

class Heatmap {
  constructor(host, context) {
    this.host = host;
    this.context = context;
    const name = nameOf(context.panel);
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.plot = el("div", { class: "p-heat", tabindex: 0, role: "group", "aria-roledescription": "heatmap", "data-focus": "heatmap" }, this.canvas);
    this.rowNames = el("div", { class: "p-heat-rows", "aria-hidden": "true" });
    this.axis = el("div", { class: "p-state-axis", "aria-hidden": "true" });
    this.foot = el("div", { class: "p-legend" });
    this.told = el("p", { class: "sr", "aria-live": "polite" });
    const values = valuesTable(name, () => ({ times: this.times, series: this.buckets, format: (field, value) => ({ text: value === null ? "" : this.count(field, value) }) }));
    this.box = el("div", { class: "p-chart" }, el("div", { class: "p-heat-body" }, this.rowNames, this.plot), this.axis, this.foot, values, this.told);
    this.tip = tooltip(this.box);
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    for (const away of ["pointerleave", "blur"]) this.plot.addEventListener(away, () => this.leave());
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.stopResize = onResize(this.plot, () => this.draw());
    this.update(context);
  }

  update(context) {
    this.context = context;
    const { times, series } = gather(context.panel, context.frames);
    this.times = times;
    this.buckets = series.toSorted(byEnd);
    this.at = undefined;
    if (!times.length || !series.length) return nothing(this.host, context.panel);
    if (!this.box.isConnected) replace(this.host, this.box);
    this.most = series.reduce((top, { values }) => values.reduce((a, b) => (b > a ? b : a), top), 0);
    this.plot.setAttribute("aria-label", `${nameOf(context.panel)}: ${series.length} buckets, ${times.length} times, at most ${this.count(series[0].field, this.most)} in a cell. Arrow keys read cells.`);
    this.scaleKey();
    this.draw();
  }

  scaleKey() {
    const strip = el("span", { class: "p-heat-strip", "aria-hidden": "true" });
    styled(strip, { "background-image": `linear-gradient(to right, ${SCALE.join(", ")})` });
    const { field } = this.buckets[0];
    replace(this.foot, el("p", { class: "p-heat-key" }, this.count(field, 0), strip, this.count(field, this.most)));
    this.foot.hidden = this.context.panel.options?.legend?.show === false;
  }

  count(field, value) {
    return formatValue(value, this.context.panel.options?.cellValues?.unit ?? field.config.unit, field.config.decimals);
  }

  bucketName(i) {
    const { unit, decimals } = this.context.panel.options?.yAxis ?? {};
    const name = (at) => (Number.isFinite(end(this.buckets[at])) ? formatValue(end(this.buckets[at]), unit, decimals) : this.buckets[at].name);
    return i > 0 ? `${name(i - 1)} to ${name(i)}` : `up to ${name(0)}`;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (!this.times?.length || width < 20 || height < 20) return;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const ctx = this.canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    const gap = this.context.panel.options?.cellGap ?? 1;
    const tall = height / this.buckets.length;
    this.buckets.forEach(({ values }, row) => this.times.forEach((time, i) => this.cell(ctx, values[i], [this.x(time, width), height - (row + 1) * tall, this.wide(width), tall], gap)));
    this.labels(height, width);
  }

  cell(ctx, value, [x, y, wide, tall], gap) {
    const least = this.context.panel.options?.filterValues?.le ?? 0;
    if (typeof value !== "number" || value <= least) return;
    const { exponent = 0.5, reverse } = this.context.panel.options?.color ?? {};
    const share = (value / (this.most || 1)) ** exponent;
    ctx.fillStyle = heat(reverse ? 1 - share : share);
    ctx.fillRect(x, y, Math.max(wide - gap, 1), Math.max(tall - gap, 1));
  }

  step() {
    const [first, second] = this.times;
    return second > first ? second - first : this.context.interval || this.context.range.to - this.context.range.from;
  }

  x(time, width) {
    const { from, to } = this.context.range;
    return ((time - from) / (to - from)) * width;
  }

  wide(width) {
    const { from, to } = this.context.range;
    return (this.step() / (to - from)) * width;
  }

  labels(height, width) {
    const every = Math.max(1, Math.ceil((this.buckets.length * 16) / height));
    const shown = this.buckets.map((_, i) => i).filter((i) => i % every === 0);
    const tall = 100 / this.buckets.length;
    const text = (i) => this.bucketName(i).replace(/^.* to /, "").replace("up to ", "");
    replace(this.rowNames, shown.map((i) => styled(el("span", {}, text(i)), { bottom: `${(i + 0.5) * tall}%` })));
    const times = roundTimes(this.context.range.from, this.context.range.to, Math.max(2, Math.floor(width / 80)));
    const marks = timeMarks(times, times[1] - times[0]);
    styled(this.axis, { "margin-left": `${this.plot.offsetLeft}px`, width: `${width}px` });
    replace(this.axis, times.map((time, i) => styled(el("span", {}, marks[i]), { left: `${this.x(time, 100)}%` })));
  }

  point(event) {
    const { left, top, width, height } = this.plot.getBoundingClientRect();
    const { from, to } = this.context.range;
    const time = from + ((event.clientX - left) / width) * (to - from);
    const i = this.times.findLastIndex((start) => start <= time);
    const row = Math.floor((1 - (event.clientY - top) / height) * this.buckets.length);
    if (i < 0 || time >= this.times[i] + this.step() || !this.buckets[row]) return this.leave();
    this.context.hover?.set(this.times[i]);
    this.tell(i, row, event.clientX, event.clientY);
  }

  tell(i, row, clientX, clientY) {
    const { field, values } = this.buckets[row];
    const box = this.box.getBoundingClientRect();
    const text = values[i] === null || values[i] === undefined ? "no data" : this.count(field, values[i]);
    this.tip.show({ title: isoLocal(this.times[i]), rows: [{ name: this.bucketName(row), text }], x: clientX - box.left, y: clientY - box.top });
    return `${isoLocal(this.times[i])}, ${this.bucketName(row)}: ${text}`;
  }

  leave() {
    this.tip.hide();
    this.context.hover?.set(null);
  }

  key(event) {
    const at = this.at ?? { i: undefined, row: 0 };
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const i = by ? (at.i ?? this.times.length - 1) : steps(event, at.i, this.times.length);
    if (event.key === "Escape") return this.leave();
    if (i === null) return undefined;
    this.at = { i, row: Math.min(this.buckets.length - 1, Math.max(0, at.row + (by ?? 0))) };
    const { left, top, width, height } = this.plot.getBoundingClientRect();
    const y = top + (1 - (this.at.row + 0.5) / this.buckets.length) * height;
    this.told.textContent = this.tell(i, this.at.row, left + this.x(this.times[i], width), y);
    return event.preventDefault();
  }

  destroy() {
    this.stopResize();
    this.host.replaceChildren();
  }
}

export function mount(host, context) {
  const map = new Heatmap(host, context);
  return { update: (next) => map.update(next), destroy: () => map.destroy() };
}
