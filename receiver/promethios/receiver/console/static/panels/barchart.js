// Horizontal bars, one row for each row of the answer: a table whose cells have a length.

import { seriesColor } from "../fields.js";
import { el, replace } from "../dom.js";
import { anchor, hiddenFrom, nameOf, nothing, styled } from "./kit.js";
import { swatch } from "./legend.js";
import { tooltip } from "./tooltip.js";

const MOST = 200;

/** `{labels, bars}`: the field that names the rows and the number fields that give their lengths. */
export function parts({ options = {} }, frame) {
  const named = (field) => (field.displayName ?? field.name) === options.xField || field.name === options.xField;
  const labels = frame?.fields.find(named) ?? frame?.fields.find(({ type }) => type === "string");
  const bars = (frame?.fields ?? []).filter((field) => field.type === "number" && field !== labels && !hiddenFrom(field, "viz"));
  return { labels, bars };
}

const size = (value) => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Where the bars of one row begin and end, `[from, to]` each: beside each other from 0, or one after the other. */
function extents(values, stacking) {
  if (stacking === "none") return values.map((value) => [Math.min(0, size(value)), Math.max(0, size(value))]);
  const whole = stacking === "percent" ? sum(values.map((value) => Math.abs(size(value)))) || 1 : 1;
  let at = 0;
  return values.map((value) => {
    const from = at;
    at += Math.abs(size(value)) / whole;
    return [from, at];
  });
}

function rowsOf(context, { labels, bars }) {
  const frame = context.frames[0];
  const stacking = context.panel.options?.stacking ?? "none";
  return Array.from({ length: Math.min(frame.length, MOST) }, (_, i) => {
    const values = bars.map((field) => field.values[i]);
    return { i, name: labels ? context.format(labels, labels.values[i]).text : `${i + 1}`, values, extents: extents(values, stacking) };
  });
}

function row(context, { labels, bars }, entry, share) {
  const links = labels ? (context.links?.(labels, entry.i) ?? []) : [];
  const stacked = (context.panel.options?.stacking ?? "none") !== "none";
  const texts = bars.map((field, n) => context.format(field, entry.values[n]).text);
  const quiet = context.panel.options?.showValue === "never";
  return el(
    "tr",
    {},
    el("th", { scope: "row", title: entry.name }, anchor(links[0], {}, entry.name)),
    el(
      "td",
      { class: stacked ? "p-bar-stack" : undefined },
      bars.map((field, n) => bar(field, entry.extents[n], share, quiet ? null : texts[n], colorOf(context, field, entry.values[n]))),
      quiet && el("span", { class: "sr" }, bars.map((field, n) => `${field.displayName} ${texts[n]}`).join(", ")),
    ),
  );
}

const colorOf = (context, field, value) => (field.config.color?.mode === "thresholds" ? context.format(field, value).color : null) ?? seriesColor(field);

function bar(field, [from, to], share, text, color) {
  const node = el("div", { class: "p-bar", "data-series": field.displayName ?? field.name });
  styled(node, { "margin-left": share.at(from), width: share.wide(to - from), "--c": color });
  return el("div", { class: "p-bar-line" }, node, text !== null && el("span", { class: "p-bar-value" }, text));
}

/** Places on the common scale as CSS lengths; some room at the right is left for the numbers. */
function scale(rows, stacked) {
  const low = rows.reduce((least, { extents: e }) => e.reduce((a, [from]) => Math.min(a, from), least), 0);
  const high = rows.reduce((most, { extents: e }) => e.reduce((a, [, to]) => Math.max(a, to), most), 0);
  const percent = (part) => `${((part / (high - low || 1)) * 86).toFixed(3)}%`;
  // Stacked bars stand beside each other anyway: each begins where the one before ends.
  return { at: (from) => (stacked ? "0" : percent(from - low)), wide: percent };
}

function key(bars) {
  return el("ul", { class: "p-legend-list" }, bars.map((field) => el("li", {}, swatch(seriesColor(field)), field.displayName ?? field.name)));
}

class BarChart {
  constructor(host, context) {
    this.host = host;
    this.body = el("div", { class: "p-bars", tabindex: 0, role: "region", "aria-label": `${nameOf(context.panel)}: bars`, "data-focus": "bars" });
    this.foot = el("div", { class: "p-legend" });
    this.box = el("div", { class: "p-chart" }, this.body, this.foot);
    this.tip = tooltip(this.box);
    this.body.addEventListener("pointermove", (event) => this.point(event));
    this.body.addEventListener("pointerleave", this.tip.hide);
    this.update(context);
  }

  update(context) {
    this.context = context;
    this.parts = parts(context.panel, context.frames[0]);
    if (!context.frames[0]?.length || !this.parts.bars.length) return nothing(this.host, context.panel);
    if (!this.box.isConnected) replace(this.host, this.box);
    this.rows = rowsOf(context, this.parts);
    const share = scale(this.rows, (context.panel.options?.stacking ?? "none") !== "none");
    const left = context.frames[0].length - this.rows.length;
    replace(
      this.body,
      el("table", {}, el("caption", { class: "sr" }, this.caption()), el("tbody", {}, this.rows.map((entry) => row(context, this.parts, entry, share)))),
      left > 0 && el("p", { class: "p-empty" }, `and ${left} more`),
    );
    const shown = context.panel.options?.legend?.showLegend !== false && this.parts.bars.length > 1;
    replace(this.foot, shown && key(this.parts.bars));
    this.foot.hidden = !shown;
  }

  caption() {
    return `${nameOf(this.context.panel)}: ${this.parts.bars.map((field) => field.displayName ?? field.name).join(", ")}`;
  }

  point(event) {
    const at = [...this.body.querySelectorAll("tr")].indexOf(event.target.closest("tr"));
    if (at < 0) return this.tip.hide();
    const entry = this.rows[at];
    const { left, top } = this.box.getBoundingClientRect();
    const rows = this.parts.bars.map((field, n) => ({
      name: field.displayName ?? field.name,
      text: this.context.format(field, entry.values[n]).text,
      color: colorOf(this.context, field, entry.values[n]),
    }));
    this.tip.show({ title: entry.name, rows, x: event.clientX - left, y: event.clientY - top });
  }
}

export function mount(host, context) {
  const chart = new BarChart(host, context);
  return { update: (next) => chart.update(next), destroy: () => host.replaceChildren() };
}
