// Rows as a table: sorted by a press on a heading, filtered by column, in pages when there are many.

import { el, replace } from "../dom.js";
import { alignOf, cell, textOf } from "./cells.js";
import { hiddenFrom, nameOf, nothing, styled } from "./kit.js";
import { filtered, sorted, turned } from "./order.js";

const PAGE = 100;

const shownFields = (frame) => frame.fields.filter((field) => !field.config.custom?.hidden && !hiddenFrom(field, "viz"));
const headOf = (field) => field.displayName ?? field.name;

class Table {
  constructor(host, context) {
    this.host = host;
    this.sort = null;
    this.filters = new Map();
    this.filtering = false;
    this.page = 0;
    this.chosen = 0;
    this.build(nameOf(context.panel));
    this.update(context);
  }

  build(name) {
    this.head = el("thead");
    this.body = el("tbody");
    this.columns = el("colgroup");
    this.table = el("table", { class: "p-table" }, el("caption", { class: "sr" }, name), this.columns, this.head, this.body);
    this.scroll = el("div", { class: "p-scroll", tabindex: 0, role: "region", "aria-label": `${name}: table`, "data-focus": "table" }, this.table);
    this.foot = el("div", { class: "p-table-foot" });
    this.told = el("p", { class: "sr", role: "status" });
    this.box = el("div", { class: "p-chart" }, this.scroll, this.foot, this.told);
  }

  update(context) {
    this.context = context;
    const frames = context.frames.filter((frame) => frame.fields.length);
    this.frames = frames;
    this.frame = frames[this.chosen] ?? frames[context.panel.options?.frameIndex ?? 0] ?? frames[0];
    if (!this.frame?.length && frames.length < 2) return nothing(this.host, context.panel);
    this.fields = shownFields(this.frame);
    this.table.classList.toggle("p-tall", context.panel.options?.cellHeight === "lg");
    if (!this.box.isConnected) replace(this.host, this.box);
    this.headings();
    return this.rows();
  }

  headings() {
    const form = JSON.stringify([this.filtering, this.sort, this.fields.map((field) => [headOf(field), field.type, field.config.custom, field.config.description])]);
    if (form === this.form) return;
    this.form = form;
    const widths = this.fields.map((field) => field.config.custom?.width);
    const least = this.fields.reduce((sum, field, i) => sum + (widths[i] ?? Math.max(field.config.custom?.minWidth ?? 0, 110)), 0);
    styled(this.table, { "min-width": `${least}px` });
    replace(this.columns, widths.map((width) => (width ? styled(el("col"), { width: `${width}px` }) : el("col"))));
    const hidden = this.context.panel.options?.showHeader === false;
    replace(this.head, el("tr", { class: hidden ? "sr" : undefined }, this.fields.map((field, i) => this.heading(field, i))), this.filtering && this.filterRow());
  }

  heading(field, i) {
    const way = this.sort?.column === headOf(field) ? this.sort.way : undefined;
    const name = headOf(field);
    return el(
      "th",
      { scope: "col", class: `p-${alignOf(field)}`, "aria-sort": way ?? "none" },
      el(
        "button",
        { type: "button", class: "p-sort", "data-focus": `sort-${i}`, title: field.config.description, onclick: () => this.sortBy(name) },
        el("span", { class: "p-cut" }, name),
        el("span", { class: "p-arrow", "aria-hidden": "true" }, { ascending: "▲", descending: "▼" }[way] ?? ""),
      ),
    );
  }

  filterRow() {
    return el("tr", { class: "p-filters" }, this.fields.map((field, i) => el("td", {}, field.config.custom?.filterable !== false && this.filterField(headOf(field), i))));
  }

  filterField(name, i) {
    const field = el("input", { type: "search", "aria-label": `Filter ${name}`, placeholder: "Filter", "data-focus": `filter-${i}`, autocomplete: "off", spellcheck: "false" });
    field.value = this.filters.get(name) ?? "";
    field.addEventListener("input", () => {
      this.filters.set(name, field.value);
      this.page = 0;
      this.rows();
    });
    return field;
  }

  sortBy(name) {
    const way = turned(this.sort?.column === name ? this.sort.way : undefined);
    this.sort = way ? { column: name, way } : null;
    this.page = 0;
    this.headings();
    this.rows();
    this.told.textContent = way ? `Sorted by ${name}, ${way}` : "Not sorted";
  }

  /** The rows to show: those that pass the filters, in order. */
  order() {
    const known = new Map(this.fields.map((field) => [headOf(field), field]));
    const filters = new Map([...this.filters].filter(([name]) => known.has(name)));
    const rows = filtered(this.frame.length, this.filtering ? filters : new Map(), (name, row) => textOf(this.context, known.get(name), row));
    const field = this.sort && known.get(this.sort.column);
    return field ? sorted(rows, field.values, this.sort.way) : rows;
  }

  rows() {
    const order = this.order();
    const pages = Math.max(1, Math.ceil(order.length / PAGE));
    this.page = Math.min(this.page, pages - 1);
    const shown = order.slice(this.page * PAGE, (this.page + 1) * PAGE);
    replace(this.body, shown.map((row) => el("tr", {}, this.fields.map((field) => cell(this.context, field, row)))), !shown.length && this.none());
    this.table.setAttribute("aria-rowcount", String(order.length + 1));
    this.footer(order.length, pages);
  }

  none() {
    return el("tr", {}, el("td", { class: "p-none", colspan: this.fields.length }, this.frame.length ? "No row passes the filters" : "No rows"));
  }

  footer(found, pages) {
    const count = found === this.frame.length ? `${found} rows` : `${found} of ${this.frame.length} rows`;
    replace(
      this.foot,
      el("button", { type: "button", class: "p-small", "aria-pressed": String(this.filtering), "data-focus": "filter", onclick: () => this.toggleFilters() }, "Filter"),
      this.frames.length > 1 && this.chooser(),
      el("span", { class: "p-count" }, found === 1 && found === this.frame.length ? "1 row" : count),
      pages > 1 && this.pager(pages),
    );
    if (this.filtering) this.told.textContent = count;
  }

  chooser() {
    const name = (frame, i) => frame.name || frame.fields.find((field) => field.type === "number")?.displayName || `Part ${i + 1}`;
    const select = el("select", { "aria-label": "Which part", "data-focus": "part" }, this.frames.map((frame, i) => el("option", { value: String(i), selected: frame === this.frame }, name(frame, i))));
    select.addEventListener("change", () => {
      this.chosen = Number(select.value);
      this.update(this.context);
    });
    return select;
  }

  pager(pages) {
    const turn = (by) => () => {
      this.page = Math.min(pages - 1, Math.max(0, this.page + by));
      this.rows();
      this.scroll.scrollTop = 0;
    };
    return el(
      "span",
      { class: "p-pager" },
      el("button", { type: "button", class: "p-small", onclick: turn(-1), disabled: this.page === 0, "data-focus": "earlier" }, "Previous"),
      el("span", {}, `Page ${this.page + 1} of ${pages}`),
      el("button", { type: "button", class: "p-small", onclick: turn(1), disabled: this.page === pages - 1, "data-focus": "later" }, "Next"),
    );
  }

  toggleFilters() {
    this.filtering = !this.filtering;
    this.headings();
    this.rows();
    if (this.filtering) this.head.querySelector("input")?.focus();
  }
}

export function mount(host, context) {
  const table = new Table(host, context);
  return { update: (next) => table.update(next), destroy: () => host.replaceChildren() };
}
