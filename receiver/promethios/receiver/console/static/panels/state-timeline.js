// What state each thing was in, and when: a row for each, a stretch for each state.

import { textOn } from "../colors.js";
import { el, replace } from "../dom.js";
import { isoLocal, lengthOf } from "../moments.js";
import { roundTimes, timeMarks } from "./axes.js";
import { anchor, ink, listed, nameOf, nothing, onResize, styled } from "./kit.js";
import { steps } from "./keys.js";
import { swatch } from "./legend.js";
import { stateAt, statesOf, timelines } from "./states.js";
import { tooltip } from "./tooltip.js";

class StateTimeline {
  constructor(host, context) {
    this.host = host;
    this.page = 0;
    this.context = context;
    this.build(nameOf(context.panel));
    this.update(context);
  }

  build(name) {
    this.grid = el("div", { class: "p-states", tabindex: 0, role: "group", "aria-roledescription": "timeline", "data-focus": "timeline" });
    this.axis = el("div", { class: "p-state-axis", "aria-hidden": "true" });
    this.hair = el("div", { class: "p-hair", hidden: true });
    this.foot = el("div", { class: "p-legend" });
    this.told = el("p", { class: "sr", "aria-live": "polite" });
    this.box = el("div", { class: "p-chart", role: "group", "aria-label": name }, this.grid, this.axis, this.foot, this.told);
    this.tip = tooltip(this.box);
    this.grid.addEventListener("pointermove", (event) => this.point(event));
    for (const end of ["pointerleave", "blur"]) this.grid.addEventListener(end, () => this.leave());
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.stopResize = onResize(this.grid, () => this.mark());
    this.stopHover = this.context.hover?.on((time) => this.crosshair(time));
  }

  update(context) {
    this.context = context;
    this.rows = timelines(context);
    this.focus = null;
    if (!this.rows.some(({ stretches }) => stretches.length)) return nothing(this.host, context.panel);
    if (!this.box.isConnected) replace(this.host, this.box);
    this.show();
  }

  show() {
    const { perPage } = this.context.panel.options ?? {};
    const size = perPage > 0 ? perPage : this.rows.length;
    const pages = Math.ceil(this.rows.length / size);
    this.page = Math.min(this.page, pages - 1);
    this.shown = this.rows.slice(this.page * size, (this.page + 1) * size);
    this.grid.setAttribute("aria-label", this.summary());
    replace(this.grid, this.shown.map((row) => this.line(row)), this.hair);
    replace(this.foot, this.legend(), pages > 1 && this.pager(pages));
    this.mark();
  }

  line(row) {
    const track = el("div", { class: "p-track" }, row.stretches.map((stretch) => this.stretch(stretch)));
    const said = this.rowSummary(row);
    return el(
      "div",
      { class: "p-state-row" },
      el("div", { class: "p-state-name", title: row.name }, anchor(this.context.links?.(row.field, row.row)?.[0], {}, row.name)),
      el("span", { class: "sr" }, said),
      styled(track, { "--row": String(this.context.panel.options?.rowHeight ?? 0.9) }),
    );
  }

  stretch({ from, to, text, color }) {
    const { showValue = "auto" } = this.context.panel.options ?? {};
    const node = el("div", { class: "p-stretch", data: { state: text } }, showValue !== "never" && el("span", {}, text));
    const [left, right] = [from, to].map((time) => this.share(time));
    return styled(node, { left: `${left}%`, width: `${Math.max(right - left, 0.15)}%`, "--c": color, "--on": textOn(ink(color)) });
  }

  /** Where a time is, in percent of the range, never outside it. */
  share(time) {
    const { from, to } = this.context.range;
    return Math.min(100, Math.max(0, ((time - from) / (to - from)) * 100));
  }

  legend() {
    if (this.context.panel.options?.legend?.showLegend === false) return null;
    return el("ul", { class: "p-legend-list" }, statesOf(this.rows).map(({ text, color }) => el("li", {}, swatch(color), text)));
  }

  pager(pages) {
    const turn = (by) => () => {
      this.page = Math.min(pages - 1, Math.max(0, this.page + by));
      this.show();
    };
    return el(
      "div",
      { class: "p-pager" },
      el("button", { type: "button", onclick: turn(-1), disabled: this.page === 0, "data-focus": "earlier" }, "Previous"),
      el("span", {}, `${this.page + 1} of ${pages}`),
      el("button", { type: "button", onclick: turn(1), disabled: this.page === pages - 1, "data-focus": "later" }, "Next"),
    );
  }

  /** Times below the tracks, as many as there is room for. */
  mark() {
    const track = this.grid.querySelector(".p-track");
    if (!track) return;
    const { from, to } = this.context.range;
    const times = roundTimes(from, to, Math.max(2, Math.floor(track.clientWidth / 80)));
    const texts = timeMarks(times, times[1] - times[0]);
    styled(this.axis, { "margin-left": `${track.offsetLeft}px`, width: `${track.clientWidth}px` });
    replace(this.axis, times.map((time, i) => styled(el("span", {}, texts[i]), { left: `${this.share(time)}%` })));
  }

  point(event) {
    const line = event.target.closest(".p-state-row");
    const track = line?.querySelector(".p-track").getBoundingClientRect();
    if (!track || event.clientX < track.left || event.clientX > track.right) return this.leave();
    const { from, to } = this.context.range;
    const time = from + ((event.clientX - track.left) / track.width) * (to - from);
    this.inside = true;
    this.context.hover?.set(time);
    this.crosshair(time, true);
    const row = this.shown[[...this.grid.querySelectorAll(".p-state-row")].indexOf(line)];
    const box = this.box.getBoundingClientRect();
    this.tell(row, stateAt(row, time), time, event.clientX - box.left, event.clientY - box.top);
  }

  tell(row, state, time, x, y) {
    const rows = state ? [{ name: state.text, text: lengthOf(state.to - state.from), color: state.color }] : [{ name: "No data", text: "" }];
    const notes = state ? [`${isoLocal(state.from)} to ${isoLocal(state.to)}`] : [isoLocal(time)];
    this.tip.show({ title: row.name, notes, rows, x, y });
  }

  leave() {
    this.tip.hide();
    if (!this.inside) return;
    this.inside = false;
    this.context.hover?.set(null);
    this.crosshair(null, true);
  }

  /** The moment that is pointed at, here or in another chart. */
  crosshair(time, own = false) {
    const track = this.grid.querySelector(".p-track");
    if (!track || (this.inside && !own)) return;
    const { from, to } = this.context.range;
    this.hair.hidden = time === null || time < from || time > to;
    styled(this.hair, { left: `${track.offsetLeft + (this.share(time ?? from) / 100) * track.clientWidth}px` });
  }

  /** Up and down change the row, left and right the stretch. */
  key(event) {
    if (event.target !== this.grid) return;
    const at = this.focus ?? { row: 0, stretch: undefined };
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.leave();
    else if (by) this.go({ row: Math.min(this.shown.length - 1, Math.max(0, at.row + by)), stretch: undefined });
    else {
      const stretch = steps(event, at.stretch, this.shown[at.row].stretches.length);
      if (stretch === null) return;
      this.go({ row: at.row, stretch });
    }
    event.preventDefault();
  }

  go(focus) {
    this.focus = focus;
    const row = this.shown[focus.row];
    if (focus.stretch === undefined) {
      this.told.textContent = `${row.name}: ${this.rowSummary(row)}`;
      return this.leave();
    }
    const state = row.stretches[focus.stretch];
    const node = this.grid.querySelectorAll(".p-state-row")[focus.row].querySelectorAll(".p-stretch")[focus.stretch].getBoundingClientRect();
    const box = this.box.getBoundingClientRect();
    this.tell(row, state, state.from, node.left + node.width / 2 - box.left, node.bottom - box.top);
    this.told.textContent = `${row.name}: ${state.text}, ${lengthOf(state.to - state.from)}, ${isoLocal(state.from)} to ${isoLocal(state.to)}`;
  }

  rowSummary({ stretches }) {
    const total = new Map();
    for (const { text, from, to } of stretches) total.set(text, (total.get(text) ?? 0) + to - from);
    if (!stretches.length) return "no data";
    return `now ${stretches.at(-1).text}; ${[...total].map(([text, ms]) => `${text} for ${lengthOf(ms)}`).join(", ")}`;
  }

  summary() {
    const now = this.rows.filter(({ stretches }) => stretches.length).map((row) => `${row.name} ${row.stretches.at(-1).text}`);
    return `${nameOf(this.context.panel)}: ${this.rows.length} rows. Now: ${listed(now, 8)}. Arrow keys read states.`;
  }

  destroy() {
    this.stopResize();
    this.stopHover?.();
    this.host.replaceChildren();
  }
}

export function mount(host, context) {
  const timeline = new StateTimeline(host, context);
  return { update: (next) => timeline.update(next), destroy: () => timeline.destroy() };
}
