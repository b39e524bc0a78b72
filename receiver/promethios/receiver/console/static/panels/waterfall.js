// The rows of a trace: only those in view are made, so that thousands of spans cost no more than thirty.

import { textOn } from "../colors.js";
import { el, replace } from "../dom.js";
import { formatValue } from "../units.js";
import { freshId, ink, styled } from "./kit.js";

const ROW = 28;
const SPARE = 8;
const DEEPEST = 16;

/** A tree grid in `host`. `look(node)` gives `{color, badge}`; `act` has `choose(node)` and `toggle(node)`. */
export class Waterfall {
  constructor(host, look, act) {
    this.look = look;
    this.act = act;
    this.id = freshId("row");
    this.rows = el("div", { class: "p-wf-rows", role: "presentation" });
    this.grid = el("div", { class: "p-wf", role: "treegrid", tabindex: 0, "data-focus": "spans" }, this.rows);
    this.grid.addEventListener("scroll", () => this.draw(), { passive: true });
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.grid.addEventListener("click", (event) => this.click(event));
    host.append(this.grid);
  }

  /** Show nodes of `tree`, `closed` of which hide their children, over `extent`; `found` are marked. */
  show(nodes, { closed, extent, found, active }) {
    Object.assign(this, { nodes, closed, extent, found });
    this.at = Math.max(0, nodes.indexOf(active));
    this.grid.setAttribute("aria-rowcount", String(nodes.length));
    styled(this.rows, { height: `${nodes.length * ROW}px` });
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.grid.scrollTop / ROW) - SPARE);
    const last = Math.min(this.nodes.length, Math.ceil((this.grid.scrollTop + this.grid.clientHeight) / ROW) + SPARE);
    const shown = this.nodes.slice(first, last).map((node, i) => this.row(node, first + i));
    // What has the focus for a screen reader must exist, in view or not.
    if (this.at < first || this.at >= last) shown.push(this.row(this.nodes[this.at], this.at));
    replace(this.rows, shown);
    this.grid.setAttribute("aria-activedescendant", `${this.id}-${this.at}`);
  }

  row(node, i) {
    const { span, depth, children } = node;
    const { color, badge } = this.look(node);
    const name = this.name(node, color, badge);
    styled(name, { "padding-left": `${Math.min(depth, DEEPEST) * 14 + 4}px` });
    return styled(
      el(
        "div",
        {
          id: `${this.id}-${i}`,
          class: `p-wf-row ${i === this.at ? "p-active" : ""} ${this.found?.has(node) ? "p-found" : ""}`,
          role: "row",
          "aria-level": depth + 1,
          "aria-rowindex": i + 1,
          "aria-expanded": children ? String(!this.closed.has(node)) : undefined,
          "aria-selected": String(i === this.at),
          data: { at: i },
        },
        name,
        el("div", { class: "p-wf-track", role: "gridcell" }, this.bar(span, color)),
      ),
      { top: `${i * ROW}px` },
    );
  }

  name(node, color, badge) {
    const { span, children } = node;
    return el(
      "div",
      { class: "p-wf-name", role: "rowheader" },
      el("span", { class: "p-wf-arrow", "aria-hidden": "true" }, children ? (this.closed.has(node) ? "▸" : "▾") : ""),
      styled(el("span", { class: "p-swatch", "aria-hidden": "true" }), { "--c": color }),
      span.failed && el("span", { class: "p-wf-error", title: span.message || "error" }, "!", el("span", { class: "sr" }, " error")),
      badge,
      el("span", { class: "p-wf-op", title: `${span.service} ${span.name}` }, span.name),
      el("span", { class: "p-wf-service" }, (span.decision && span.policies) || span.service),
    );
  }

  bar({ start, duration }, color) {
    const left = ((start - this.extent.start) / this.extent.length) * 100;
    const wide = Math.max((duration / this.extent.length) * 100, 0.3);
    const text = el("span", { class: "p-wf-took" }, formatValue(duration, "ms"));
    // The duration stands where there is room for it: behind the bar, before it, or on it.
    if (left + wide < 82) styled(text, { left: `calc(${left + wide}% + 6px)` });
    else if (left > 18) styled(text, { right: `calc(${100 - left}% + 6px)` });
    else styled(text, { right: "6px", color: textOn(ink(color)) });
    return [styled(el("span", { class: "p-wf-bar" }), { left: `${Math.min(left, 99.6)}%`, width: `${wide}%`, "--c": color }), text];
  }

  click(event) {
    const line = event.target.closest(".p-wf-row");
    if (!line) return;
    this.at = Number(line.dataset.at);
    const node = this.nodes[this.at];
    if (event.target.closest(".p-wf-arrow") && node.children) this.act.toggle(node);
    else this.choose();
  }

  /** The keys of a tree grid: https://www.w3.org/WAI/ARIA/apg/patterns/treegrid/ */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const node = this.nodes[this.at];
    const page = Math.max(1, Math.floor(this.grid.clientHeight / ROW) - 1);
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, Home: 0, End: this.nodes.length - 1, PageDown: this.at + page, PageUp: this.at - page }[event.key];
    if (to !== undefined) this.go(to);
    else if (event.key === "ArrowRight") this.inward(node);
    else if (event.key === "ArrowLeft") this.outward(node);
    else if (event.key === "Enter" || event.key === " ") this.choose();
    else return;
    event.preventDefault();
  }

  inward(node) {
    if (this.closed.has(node)) this.act.toggle(node);
    else if (node.children) this.go(this.at + 1);
  }

  outward(node) {
    if (node.children && !this.closed.has(node)) this.act.toggle(node);
    else if (node.parent) this.go(this.nodes.indexOf(node.parent));
  }

  choose() {
    this.draw();
    this.act.choose(this.nodes[this.at]);
  }

  /** Make a row the current one and bring it into view. */
  go(at) {
    this.at = Math.min(this.nodes.length - 1, Math.max(0, at));
    const top = this.at * ROW;
    const { scrollTop, clientHeight } = this.grid;
    if (top < scrollTop) this.grid.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.grid.scrollTop = top + ROW - clientHeight;
    this.draw();
    this.act.moved?.(this.nodes[this.at]);
  }
}
