// The overview's panels: what each asks the receiver for, and how it shows the answer.

import { timeChart } from "./charts.js";
import { el, replace } from "./dom.js";
import { count, micros, span } from "./format.js";
import { frame } from "./frame.js";
import { agents, decisions, logs, violations } from "./listings.js";
import { ranking } from "./ranking.js";
import { widen } from "./series.js";
import { strip } from "./strip.js";
import { timeline } from "./timeline.js";
import { DIRECTIONS, QUANTILES, SEVERITIES, SIGNALS, VERDICTS } from "./words.js";

/**
 * All panels in `host`. Each is `{path, params(), show(answer, context), fail(message)}`; `context` has the
 * `state`, the `now` and the `step` of the request. `again()` asks for a refresh.
 */
export function overview(host, again) {
  const panels = [];
  const add = (panel) => (panels.push(panel), panel.node);
  const section = (title, ...nodes) =>
    el("section", { "aria-label": title }, el("h2", {}, title), el("div", { class: "grid" }, nodes));
  replace(
    host,
    el("h1", { class: "sr" }, "Overview"),
    add(strip()),
    section("Agents", add(liveness()), add(agents())),
    section(
      "Violations",
      add(series("Violations by severity", "violations", "severity", SEVERITIES, "w7")),
      add(byPolicy()),
      add(violations(again)),
    ),
    section(
      "Decisions",
      add(series("Decisions by verdict", "decisions", "verdict", VERDICTS, "w4")),
      add(
        series("Evaluation latency", "latency", "quantile", QUANTILES, "w4", {
          kind: "lines",
          format: micros,
          whole: false,
          hint: () => "how long the policies took",
        }),
      ),
      add(series("Tokens", "tokens", "direction", DIRECTIONS, "w4")),
      add(decisions(again)),
    ),
    section("Telemetry", add(series("Stored", "ingest", "signal", SIGNALS, "w5")), add(logs(again))),
  );
  return panels;
}

function series(title, name, label, order, size, { kind = "bars", format = count, whole = true, hint } = {}) {
  const panel = frame(title, size);
  const chart = timeChart(panel.body, { kind, format, label: title });
  return {
    node: panel.node,
    path: `series/${name}`,
    params: ({ step }) => ({ step }),
    fail: panel.fail,
    show(answer, { step }) {
      panel.hint.textContent = hint ? hint() : `per ${span(step)}`;
      panel.settle(answer, () => chart.draw({ ...widen(answer.data, label, order), step, whole }));
    },
  };
}

function liveness() {
  const panel = frame("Liveness", "w5");
  const chart = timeline(panel.body);
  return {
    node: panel.node,
    path: "series/liveness",
    params: ({ step }) => ({ step }),
    fail: panel.fail,
    show: (answer, { step }) =>
      panel.settle(answer, () => chart.draw({ ...widen(answer.data, "agent_id"), step })),
  };
}

function byPolicy() {
  const panel = frame("Violations by policy", "w5");
  return {
    node: panel.node,
    path: "violations/by_policy",
    params: () => ({}),
    fail: panel.fail,
    show: (answer) =>
      panel.settle(answer, () =>
        answer.data.length
          ? ranking(panel.body, answer.data)
          : replace(panel.body, el("p", { class: "empty" }, "No policy matched in this range.")),
      ),
  };
}
