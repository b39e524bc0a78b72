// Words with a mark: the mark carries the meaning by its shape, the colour only repeats it.

import { el, svg } from "./dom.js";
import { colorOf } from "./words.js";

const LEVELS = { low: 1, medium: 2, high: 3, critical: 4 };
const STATUS_MARKS = { live: "●", stale: "◐", down: "○" };
const VERDICT_MARKS = { allow: "✓", flag: "⚑", redact: "▧", approve: "?", block: "✕" };

/** A severity, with as many bars as it is high. */
export function severity(word) {
  const level = LEVELS[word] ?? 0;
  const bars = [1, 2, 3, 4].map((n) =>
    svg("rect", {
      class: n <= level ? "on" : "off",
      x: (n - 1) * 4,
      y: 12 - n * 3,
      width: 3,
      height: n * 3,
      rx: 0.5,
    }),
  );
  return el(
    "span",
    { class: `badge ${colorOf(word)}` },
    svg("svg", { width: 15, height: 12, "aria-hidden": "true" }, bars),
    word,
  );
}

/** What was decided or enforced. */
export const verdict = (word) => (word ? marked(word, VERDICT_MARKS[word] ?? "·") : "");

/** Whether an agent is alive. */
export const status = (word) => marked(word, STATUS_MARKS[word] ?? "·");

function marked(word, mark) {
  return el(
    "span",
    { class: `badge ${colorOf(word)}` },
    el("span", { class: "mark", "aria-hidden": "true" }, mark),
    word,
  );
}
