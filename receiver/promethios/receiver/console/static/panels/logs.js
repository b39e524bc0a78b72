// Log records: the newest first, coloured by level; one opens to show its fields.

import { el, replace } from "../dom.js";
import { isoLocal } from "../moments.js";
import { anchor, nameOf, nothing } from "./kit.js";

const STEP = 200;
const BODIES = ["body", "line", "message", "Message"];
const LEVELS = ["level", "severity", "detected_level", "severity_text", "lvl"];

// Grafana's levels, from what records call them.
const WORDS = [
  [/^(fatal|crit|critical|emerg|alert|panic)/i, "critical"],
  [/^err/i, "error"],
  [/^warn/i, "warning"],
  [/^(info|notice)/i, "info"],
  [/^debug/i, "debug"],
  [/^trace/i, "trace"],
];

/** One of critical, error, warning, info, debug, trace, unknown. */
const levelOf = (text) => WORDS.find(([word]) => word.test(text ?? ""))?.[1] ?? "unknown";

/** `{time, body, level, others}`: which field is what. */
function roles({ fields }) {
  const named = (names) => names.map((name) => fields.find((field) => field.name === name)).find(Boolean);
  const time = fields.find(({ type }) => type === "time");
  const body = named(BODIES) ?? fields.find(({ type }) => type === "string");
  const level = named(LEVELS);
  return { time, body, level, others: fields.filter((field) => ![time, body].includes(field)) };
}

class Logs {
  constructor(host, context) {
    this.host = host;
    this.opened = new Set();
    this.most = STEP;
    this.wrap = Boolean(context.panel.options?.wrapLogMessage);
    const name = nameOf(context.panel);
    this.list = el("ol", { class: "p-logs", tabindex: 0, role: "list", "aria-label": name, "data-focus": "logs" });
    this.foot = el("div", { class: "p-table-foot" });
    this.box = el("div", { class: "p-chart" }, this.list, this.foot);
    this.list.addEventListener("keydown", (event) => this.key(event));
    this.update(context);
  }

  update(context) {
    this.context = context;
    const records = context.frames.flatMap((frame) => recordsOf(frame));
    const way = context.panel.options?.sortOrder === "Ascending" ? 1 : -1;
    this.records = records.toSorted((a, b) => way * (a.at - b.at));
    if (!records.length) return nothing(this.host, context.panel);
    if (!this.box.isConnected) replace(this.host, this.box);
    return this.show();
  }

  show() {
    const shown = this.records.slice(0, this.most);
    const scrolled = this.list.scrollTop;
    this.list.classList.toggle("p-wrap", this.wrap);
    replace(this.list, shown.map((record, i) => this.entry(record, i)));
    this.list.scrollTop = scrolled;
    const left = this.records.length - shown.length;
    replace(
      this.foot,
      el("button", { type: "button", class: "p-small", "aria-pressed": String(this.wrap), "data-focus": "wrap", onclick: () => this.flip() }, "Wrap lines"),
      el("span", { class: "p-count" }, `${shown.length} of ${this.records.length} records`),
      left > 0 && el("button", { type: "button", class: "p-small", "data-focus": "more", onclick: () => this.more() }, "Show more"),
    );
  }

  entry(record, i) {
    const { time, body, level, row } = record;
    const said = level ? level.values[row] : "";
    const open = this.opened.has(record.key);
    const toggle = el(
      "button",
      { type: "button", class: "p-log-line", "aria-expanded": String(open), "data-focus": `log-${i}`, onclick: () => this.toggle(record) },
      this.context.panel.options?.showTime !== false && el("time", { class: "p-log-time" }, time ? isoLocal(time.values[row]) : ""),
      said && el("span", { class: "p-log-level" }, String(said)),
      el("span", { class: "p-log-body" }, String(body?.values[row] ?? "")),
    );
    return el("li", { class: `p-log p-level-${levelOf(said)}` }, toggle, open && this.details(record));
  }

  details({ others, body, row }) {
    const given = [...others, body].filter((field) => field && ![null, undefined, ""].includes(field.values[row]));
    return el(
      "dl",
      { class: "p-log-fields" },
      given.map((field) => {
        const text = field.type === "string" ? String(field.values[row]) : this.context.format(field, field.values[row]).text;
        return el("div", {}, el("dt", {}, field.displayName ?? field.name), el("dd", {}, anchor(this.context.links?.(field, row)?.[0], {}, text)));
      }),
    );
  }

  toggle({ key }) {
    if (this.context.panel.options?.enableLogDetails === false) return;
    if (!this.opened.delete(key)) this.opened.add(key);
    this.show();
  }

  flip() {
    this.wrap = !this.wrap;
    this.show();
  }

  more() {
    this.most += STEP;
    this.show();
  }

  /** Up and down go from record to record. */
  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    const lines = [...this.list.querySelectorAll(".p-log-line")];
    const at = lines.indexOf(document.activeElement);
    lines[Math.min(lines.length - 1, Math.max(0, at + by))]?.focus();
    event.preventDefault();
  }
}

function recordsOf(frame) {
  const parts = roles(frame);
  return Array.from({ length: frame.length }, (_, row) => {
    const at = parts.time?.values[row] ?? 0;
    return { ...parts, row, at, key: `${at} ${parts.others.map((field) => field.values[row]).join(" ")} ${parts.body?.values[row]}` };
  });
}

export function mount(host, context) {
  const logs = new Logs(host, context);
  return { update: (next) => logs.update(next), destroy: () => host.replaceChildren() };
}
