// One dashboard on the page: its rows and panels on the grid, all at the same moment, asked when they are in view.

import * as annotations from "./annotations.js";
import { el, replace } from "./dom.js";
import { makeHover } from "./hover.js";
import { icon } from "./icons.js";
import { place, sections, sizeOf } from "./layout.js";
import { PanelView } from "./panel.js";
import { lookup } from "./variables.js";

/** So near to what is in view a panel asks already, px. */
const NEAR = 200;

export class Board {
  /**
   * `page` gives `client`, `theme()`, `zoom(from, to)`, `navigate(href)`, `view(panelId)`, `rejected()`.
   */
  constructor(host, dashboard, page) {
    this.host = host;
    this.dashboard = dashboard;
    this.page = page;
    this.parts = sections(dashboard.panels ?? []);
    this.closed = new Set(this.parts.filter(({ row }) => row?.collapsed).map(({ row }) => row.id));
    this.notes = [];
    this.alone = null;
    this.moment = null;
    this.watch();
    this.make();
  }

  watch() {
    this.inView = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) this.panels.get(Number(target.dataset.panel))?.seen(isIntersecting);
      },
      { rootMargin: `${NEAR}px` },
    );
    this.sizes = new ResizeObserver(() => this.arrange());
  }

  make() {
    const hover = makeHover();
    const { page } = this;
    const shared = {
      client: page.client,
      theme: page.theme,
      navigate: page.navigate,
      zoom: page.zoom,
      rejected: page.rejected,
      view: page.view,
      alone: () => this.alone,
      annotations: () => this.notes,
      askFor: (name) => this.askFor(name),
    };
    const all = this.parts.flatMap(({ panels }) => panels);
    this.panels = new Map(
      all.map((panel) => [panel.id, new PanelView(panel, { ...shared, hover: this.dashboard.graphTooltip ? hover : makeHover() })]),
    );
    this.grids = this.parts.map((part) => this.section(part));
    replace(this.host, this.grids.map(({ node }) => node));
    for (const { node } of this.panels.values()) this.inView.observe(node);
    this.sizes.observe(this.host);
    this.arrange();
  }

  section({ row, panels }) {
    const grid = el("div", { class: "grid" }, panels.map(({ id }) => this.panels.get(id).node));
    if (!row) return { row, panels, grid, node: el("div", { class: "section" }, grid) };
    const id = `row-${row.id}`;
    grid.id = `${id}-panels`;
    const button = el(
      "button",
      { type: "button", id, class: "row-button", "aria-expanded": "true", "aria-controls": grid.id, onclick: () => this.toggle(row.id) },
      icon("down"),
      el("span", {}, row.title),
      el("span", { class: "count dim" }, panels.length === 1 ? "1 panel" : `${panels.length} panels`),
    );
    return { row, panels, grid, button, node: el("section", { class: "section", "aria-labelledby": id }, el("h2", {}, button), grid) };
  }

  toggle(id) {
    if (!this.closed.delete(id)) this.closed.add(id);
    this.arrange();
  }

  /** Put the panels in their cells: as the dashboard says, fewer beside each other on a narrow screen, or one alone. */
  arrange() {
    const size = sizeOf(this.host.clientWidth || window.innerWidth);
    const state = JSON.stringify([size, this.alone, [...this.closed]]);
    if (state === this.arranged) return;
    this.arranged = state;
    this.host.classList.toggle("alone", this.alone !== null);
    this.host.dataset.size = size;
    for (const { row, panels, grid, button, node } of this.grids) {
      const closed = row !== null && this.closed.has(row.id) && this.alone === null;
      const visible = this.alone === null ? panels : panels.filter(({ id }) => id === this.alone);
      node.hidden = this.alone !== null && visible.length === 0;
      grid.hidden = closed;
      button?.setAttribute("aria-expanded", String(!closed));
      for (const { id } of panels) this.panels.get(id).place(visible.some((panel) => panel.id === id));
      for (const cell of place(visible, size)) this.put(cell);
    }
    this.look();
  }

  /** Which panels are in view now: the observer tells it a frame later, and they can ask meanwhile. */
  look() {
    for (const panel of this.panels.values()) {
      const { top, bottom } = panel.node.getBoundingClientRect();
      panel.seen(bottom > -NEAR && top < window.innerHeight + NEAR && panel.node.offsetParent !== null);
    }
  }

  put({ panel, x, y, w, h }) {
    const { style } = this.panels.get(panel.id).node;
    style.setProperty("grid-column", `${x + 1} / span ${w}`);
    style.setProperty("grid-row", `${y + 1} / span ${h}`);
  }

  /** Look at one panel alone, or (null) at all. Gives whether there is such a panel. */
  only(id) {
    this.alone = id !== null && this.panels.has(id) ? id : null;
    this.arrange();
    return this.alone !== null;
  }

  /** Show a moment: `{range, asked, definitions, values, options}`. */
  show(moment) {
    this.moment = { ...moment, uid: this.dashboard.uid };
    for (const panel of this.panels.values()) panel.show(this.moment);
    this.annotate();
  }

  /** Ask for the annotations; those of the same view that are asked for already are waited for, as panels do. */
  async annotate() {
    const { view } = this.moment;
    if (this.asking?.view === view) return;
    this.asking?.controller.abort();
    const asking = (this.asking = { view, controller: new AbortController() });
    const { client, theme } = this.page;
    const found = await annotations.ask(this.dashboard, lookup(this.moment), client, asking.controller.signal, theme());
    if (this.asking !== asking) return;
    this.asking = null;
    if (JSON.stringify(found) === JSON.stringify(this.notes)) return;
    this.notes = found;
    this.redraw();
  }

  redraw() {
    for (const panel of this.panels.values()) panel.redraw();
  }

  /** The panel that is focused or pointed at, by its id, or null. */
  current() {
    const node = this.host.querySelector(".panel:focus-within") ?? this.host.querySelector(".panel:hover");
    return node ? Number(node.dataset.panel) : null;
  }

  askFor(name) {
    const label = this.moment.definitions.find((definition) => definition.name === name)?.label ?? name;
    return `Fill in "${label}" above, or follow a link from another dashboard.`;
  }

  end() {
    this.asking?.controller.abort();
    this.asking = null;
    this.inView.disconnect();
    this.sizes.disconnect();
    for (const panel of this.panels.values()) panel.end();
    this.host.replaceChildren();
  }
}
