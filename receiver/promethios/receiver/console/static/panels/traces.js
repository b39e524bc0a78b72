// One trace as a waterfall: operations, the decisions within them, what each carries.

import { PALETTE, shown, textOn } from "../colors.js";
import { el, replace } from "../dom.js";
import { isoLocal } from "../moments.js";
import { formatValue } from "../units.js";
import { ink, nameOf, nothing, onResize, styled } from "./kit.js";
import { describe } from "./spandetail.js";
import { extentOf, has, open, spansOf, tree } from "./spans.js";
import { Waterfall } from "./waterfall.js";

// The verdicts' colours of the project's dashboards.
const VERDICTS = new Map([
  ["block", "#ea3a24"],
  ["approve", "#b6dfef"],
  ["redact", "#a684ef"],
  ["flag", "#f2d95c"],
  ["allow", "#3a8f80"],
]);
const OTHER = "#77818f";

class Trace {
  constructor(host, context) {
    this.host = host;
    this.context = context;
    this.closed = new Set();
    this.search = "";
    this.build(nameOf(context.panel));
    this.update(context);
  }

  build(name) {
    this.facts = el("dl", { class: "p-trace-facts" });
    this.map = el("canvas", { class: "p-trace-map", "aria-hidden": "true" });
    this.axis = el("div", { class: "p-wf-axis", "aria-hidden": "true" });
    this.detail = el("aside", { class: "p-detail", "aria-label": "Span", hidden: true });
    this.told = el("p", { class: "sr", role: "status" });
    this.left = el("div", { class: "p-trace-left" }, this.axis);
    this.box = el("div", { class: "p-chart p-trace" }, el("div", { class: "p-trace-head" }, this.facts, this.tools()), this.map, el("div", { class: "p-trace-body" }, this.left, this.detail), this.told);
    this.waterfall = new Waterfall(this.left, (node) => this.look(node), { choose: (node) => this.choose(node), toggle: (node) => this.toggle(node), moved: (node) => this.chosen && this.choose(node) });
    this.waterfall.grid.setAttribute("aria-label", `${name}: spans by start, each below its parent`);
    this.box.addEventListener("keydown", (event) => event.key === "Escape" && this.chosen && (this.close(), event.stopPropagation()));
    this.stopResize = onResize(this.left, () => this.waterfall.nodes && (this.waterfall.draw(), this.minimap(), this.scale()));
  }

  tools() {
    this.field = el("input", { type: "search", placeholder: "Find in spans", "aria-label": "Find in spans", autocomplete: "off", spellcheck: "false", "data-focus": "find" });
    this.field.addEventListener("input", () => this.find(this.field.value));
    this.field.addEventListener("keydown", (event) => event.key === "Enter" && this.next(event.shiftKey ? -1 : 1));
    this.count = el("span", { class: "p-count" });
    const button = (text, act) => el("button", { type: "button", class: "p-small", onclick: act }, text);
    return el(
      "div",
      { class: "p-trace-tools" },
      this.field,
      this.count,
      button("Previous", () => this.next(-1)),
      button("Next", () => this.next(1)),
      button("Collapse all", () => this.fold(true)),
      button("Expand all", () => this.fold(false)),
    );
  }

  update(context) {
    this.context = context;
    const spans = spansOf(context.frames);
    if (!spans.length) {
      this.form = undefined;
      return nothing(this.host, context.panel, "No spans");
    }
    if (!this.box.isConnected) replace(this.host, this.box);
    const form = JSON.stringify([context.theme, spans]);
    // Drawn once: what a person has opened, closed and found stays when nothing has changed.
    if (form === this.form) return undefined;
    this.form = form;
    this.take(spans);
    return undefined;
  }

  take(spans) {
    const closed = new Set([...this.closed].map(({ span }) => span.id));
    this.spans = spans;
    this.extent = extentOf(spans);
    this.nodes = tree(spans);
    this.closed = new Set(this.nodes.filter(({ span, children }) => children && closed.has(span.id)));
    this.services = new Map([...new Set(spans.map(({ service }) => service))].map((service, i) => [service, shown(PALETTE[i % PALETTE.length], this.context.theme)]));
    replace(this.facts, this.factList().map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
    this.scale();
    this.find(this.search);
    this.minimap();
    const still = this.chosen && this.nodes.find(({ span }) => span.id === this.chosen.span.id);
    if (still) this.choose(still);
    else this.close();
  }

  factList() {
    const { spans, extent, nodes } = this;
    const decided = spans.filter(({ decision }) => decision);
    const stopped = decided.filter(({ verdict }) => verdict && verdict !== "allow").length;
    const failed = spans.filter((span) => span.failed).length;
    return [
      ["Root", [nodes[0].span.service, nodes[0].span.name].filter(Boolean).join(": ")],
      ["Trace", el("code", {}, nodes[0].span.trace)],
      ["Started", isoLocal(extent.start)],
      ["Took", formatValue(extent.length, "ms")],
      ["Services", String(this.services.size)],
      ["Spans", String(spans.length)],
      ["Decisions", stopped ? `${decided.length}, ${stopped} not allowed` : String(decided.length)],
      ["Errors", String(failed)],
    ];
  }

  look({ span }) {
    const known = VERDICTS.get(span.verdict);
    const color = shown(known ?? OTHER, this.context.theme);
    const told = span.decision || (known && span.verdict !== "allow");
    return { color: span.decision ? color : this.services.get(span.service), badge: told && badge(span, color) };
  }

  show(active) {
    const { closed, extent, found } = this;
    this.waterfall.show(open(this.nodes, closed), { closed, extent, found, active });
  }

  current() {
    return this.waterfall.nodes?.[this.waterfall.at];
  }

  toggle(node) {
    if (!this.closed.delete(node)) this.closed.add(node);
    this.show(node);
  }

  fold(all) {
    const current = this.current();
    this.closed = new Set(all ? this.nodes.filter(({ children }) => children) : []);
    this.show(all ? rootOf(current) : current);
  }

  choose(node) {
    this.chosen = node;
    this.detail.hidden = false;
    describe(this.detail, node.span, this.extent.start, () => this.close());
  }

  close() {
    const within = this.detail.contains(document.activeElement);
    this.chosen = null;
    this.detail.hidden = true;
    replace(this.detail);
    if (within) this.waterfall.grid.focus();
  }

  find(text) {
    this.search = text;
    this.found = new Set(text ? this.nodes.filter(({ span }) => has(span, text)) : []);
    this.count.textContent = text ? `${this.found.size} found` : "";
    this.told.textContent = this.count.textContent;
    this.show(this.current());
  }

  /** Go to the next or the previous span that was found, and open what hides it. */
  next(by) {
    const found = [...this.found];
    if (!found.length) return;
    const here = this.nodes.indexOf(this.current());
    const places = found.map((node) => this.nodes.indexOf(node));
    const at = by > 0 ? places.findIndex((place) => place > here) : places.findLastIndex((place) => place < here);
    const node = found.at(at === -1 ? (by > 0 ? 0 : -1) : at);
    for (let above = node.parent; above; above = above.parent) this.closed.delete(above);
    this.show(node);
    this.waterfall.go(this.waterfall.at);
    this.told.textContent = `${node.span.name}, ${found.indexOf(node) + 1} of ${found.length}`;
  }

  scale() {
    const parts = this.left.clientWidth < 700 ? 2 : 4;
    const marks = Array.from({ length: parts + 1 }, (_, i) => i / parts);
    replace(this.axis, marks.map((share) => styled(el("span", { class: share === 1 ? "p-last" : undefined }, formatValue(this.extent.length * share, "ms", share ? undefined : 0)), { left: `${share * 100}%` })));
  }

  /** All spans at once, small: where the time went, and where in it the decisions are. */
  minimap() {
    const { clientWidth: width, clientHeight: height } = this.map;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this.map, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const ctx = this.map.getContext("2d");
    ctx.scale(ratio, ratio);
    const tall = height / this.nodes.length;
    this.nodes.forEach((node, i) => {
      const { start, duration } = node.span;
      ctx.fillStyle = ink(this.look(node).color, this.host);
      const left = ((start - this.extent.start) / this.extent.length) * width;
      ctx.fillRect(Math.min(left, width - 1), i * tall, Math.max((duration / this.extent.length) * width, 1), Math.max(Math.min(tall * 0.8, 6), 1));
    });
  }

  destroy() {
    this.stopResize();
    this.host.replaceChildren();
  }
}

function badge({ verdict, policies }, color) {
  const node = el("span", { class: "p-badge", title: policies && `${verdict}: ${policies}` }, verdict || "decided");
  return styled(node, { "--c": color, "--on": textOn(ink(color)) });
}

function rootOf(node) {
  let root = node;
  while (root?.parent) root = root.parent;
  return root;
}

export function mount(host, context) {
  const trace = new Trace(host, context);
  return { update: (next) => trace.update(next), destroy: () => trace.destroy() };
}
