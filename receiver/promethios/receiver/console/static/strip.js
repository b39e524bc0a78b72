// The strip of numbers at the top.

import { el, replace } from "./dom.js";
import { count, micros, percent } from "./format.js";

// Name, value, what is below it, and the colour beside it when it calls for attention.
const TILES = [
  [
    "Agents live",
    (s) => count(s.agents_live),
    () => "heard of in 90 s",
    (s) => s.agents_live > 0 && "c-live",
  ],
  ["Stale", (s) => count(s.agents_stale), () => "silent for 90 s", (s) => s.agents_stale > 0 && "c-stale"],
  ["Down", (s) => count(s.agents_down), () => "silent for 10 min", (s) => s.agents_down > 0 && "c-down"],
  [
    "Critical",
    (s) => count(s.critical),
    (s) => `of ${count(s.violations)} violations`,
    (s) => s.critical > 0 && "c-critical",
  ],
  [
    "Blocked",
    (s) => count(s.blocked),
    (s) => `of ${count(s.decisions)} decisions`,
    (s) => s.blocked > 0 && "c-block",
  ],
  [
    "Coverage",
    (s) => percent(s.coverage),
    () => "calls with a decision",
    (s) => s.coverage !== null && s.coverage < 1 && "c-stale",
  ],
  ["Policy p95", (s) => micros(s.p95_us), (s) => `p50 ${micros(s.p50_us)}`, () => null],
  ["Tokens", (s) => count(tokens(s)), (s) => `${count(s.output_tokens)} written`, () => null],
];
/** All tokens of a row. */
export const tokens = (s) => (s.input_tokens ?? 0) + (s.output_tokens ?? 0);

/** The strip as a panel (see overview.js). */
export function strip() {
  const node = el("section", { class: "strip", "aria-label": "Summary", "aria-busy": "true" });
  return {
    node,
    path: "stats",
    params: () => ({}),
    show({ data: [stats] }) {
      node.removeAttribute("aria-busy");
      replace(
        node,
        el("h2", { class: "sr" }, "Summary"),
        TILES.map(([name, value, below, color]) =>
          el(
            "div",
            { class: `tile ${color(stats) || ""}` },
            el("h3", {}, name),
            el("p", { class: "big" }, value(stats)),
            el("p", { class: "dim small" }, below(stats)),
          ),
        ),
      );
    },
    fail(message) {
      node.removeAttribute("aria-busy");
      replace(node, el("p", { class: "error", role: "status" }, message));
    },
  };
}
