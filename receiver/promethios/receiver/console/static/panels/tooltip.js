// What a chart says about the place that is pointed at: text beside the pointer, and for screen readers.

import { el, replace } from "../dom.js";
import { swatch } from "./legend.js";
import { styled } from "./kit.js";

const MOST = 24;

/** A tooltip within `host`, which is positioned: `show({title, rows, x, y, notes})`, `hide()`. */
export function tooltip(host) {
  const node = el("div", { class: "p-tip", role: "presentation", hidden: true });
  host.append(node);
  return {
    node,
    hide: () => {
      node.hidden = true;
    },
    show: ({ title, rows, x, y, notes = [] }) => {
      replace(node, el("p", { class: "p-tip-title" }, title), notes.map((note) => el("p", { class: "p-tip-note" }, note)), body(rows));
      node.hidden = false;
      place(node, host, x, y);
    },
  };
}

function body(rows) {
  const shown = rows.slice(0, MOST);
  const left = rows.length - shown.length;
  return [
    el(
      "dl",
      {},
      shown.map(({ name, text, color, strong }) =>
        el("div", { class: strong ? "p-strong" : undefined }, el("dt", {}, color && swatch(color), name), el("dd", {}, text)),
      ),
    ),
    left > 0 && el("p", { class: "p-tip-more" }, `and ${left} more`),
  ];
}

/** Beside the pointer, on the side that has room; never outside the panel where it would widen the page. */
function place(node, host, x, y) {
  const room = host.getBoundingClientRect();
  const { width, height } = node.getBoundingClientRect();
  const left = x + 14 + width <= room.width ? x + 14 : x - 14 - width;
  const top = Math.min(y + 10, room.height - height);
  const beyond = window.innerWidth - room.left - width - 4;
  styled(node, { left: `${Math.min(Math.max(left, 4 - room.left), beyond)}px`, top: `${Math.max(top, -room.top + 4)}px` });
}

/** Rows for a tooltip at index `at`, sorted as the panel says; what is missing there is left out. */
export function readings(context, series, at) {
  const { sort = "none" } = context.panel.options?.tooltip ?? {};
  const rows = series
    .filter(({ values }) => values[at] !== null && values[at] !== undefined)
    .map(({ field, name, color, values }) => ({ name, color, value: values[at], text: context.format(field, values[at]).text }));
  if (sort === "none") return rows;
  return rows.toSorted((a, b) => (sort === "desc" ? b.value - a.value : a.value - b.value));
}
