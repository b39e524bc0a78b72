// The overview's panels: what each asks the receiver for, and how it shows the answer.

import { severity, status, verdict } from "./badges.js";
import { timeChart } from "./charts.js";
import { el, replace } from "./dom.js";
import { ago, count, exactly, micros, moment, percent, span } from "./format.js";
import { ranking } from "./ranking.js";
import { widen } from "./series.js";
import { address } from "./state.js";
import { table } from "./table.js";
import { timeline } from "./timeline.js";
import { DIRECTIONS, QUANTILES, SEVERITIES, SIGNALS, VERDICTS } from "./words.js";

const PAGE = 25;
const MOST = 1000;

/**
 * All panels in `host`. Each is `{path, params(), show(answer, context), fail(message)}`; `context` has the
 * `state`, the `now` and the `step` of the request. `again()` asks for a refresh.
 */
export function overview(host, again) {
  const panels = [];
  const add = (panel) => (panels.push(panel), panel.node);
  const section = (title, ...nodes) =>
    el("section", { "aria-label": title }, el("h2", {}, title), el("div", { class: "grid" }, nodes));
  replace(host,
    el("h1", { class: "sr" }, "Overview"),
    add(strip()),
    section("Agents", add(liveness()), add(agents())),
    section("Violations", add(series("Violations by severity", "violations", "severity", SEVERITIES, "w7")), add(byPolicy()), add(violations(again))),
    section("Decisions",
      add(series("Decisions by verdict", "decisions", "verdict", VERDICTS, "w4")),
      add(series("Evaluation latency", "latency", "quantile", QUANTILES, "w4", { kind: "lines", format: micros, whole: false, hint: () => "how long the policies took" })),
      add(series("Tokens", "tokens", "direction", DIRECTIONS, "w4")),
      add(decisions(again))),
    section("Telemetry",
      add(series("Stored", "ingest", "signal", SIGNALS, "w5")), add(logs(again))));
  return panels;
}

/** The frame of a panel: a heading, a hint, a body, and a line for what went wrong. */
function frame(title, size, body = el("div", { class: "body" })) {
  const hint = el("span", { class: "hint dim" });
  const error = el("p", { class: "error", role: "status" });
  const node = el("div", { class: `panel ${size}`, "aria-busy": "true" },
    el("header", {}, el("h3", {}, title), hint), error, body);
  let last = null;
  return {
    node, body, hint,
    /** Draw only what changed: a table that is drawn anew loses its scroll position and selection. */
    settle(answer, draw) {
      node.removeAttribute("aria-busy");
      node.classList.remove("stale");
      error.textContent = "";
      const text = JSON.stringify(answer);
      if (text !== last) draw();
      last = text;
    },
    fail(message) {
      node.removeAttribute("aria-busy");
      node.classList.add("stale");
      error.textContent = message;
    },
  };
}

const TILES = [
  ["Agents live", (s) => count(s.agents_live), () => "heard of in 90 s", (s) => s.agents_live > 0 && "c-live"],
  ["Stale", (s) => count(s.agents_stale), () => "silent for 90 s", (s) => s.agents_stale > 0 && "c-stale"],
  ["Down", (s) => count(s.agents_down), () => "silent for 10 min", (s) => s.agents_down > 0 && "c-down"],
  ["Critical", (s) => count(s.critical), (s) => `of ${count(s.violations)} violations`, (s) => s.critical > 0 && "c-critical"],
  ["Blocked", (s) => count(s.blocked), (s) => `of ${count(s.decisions)} decisions`, (s) => s.blocked > 0 && "c-block"],
  ["Coverage", (s) => percent(s.coverage), () => "calls with a decision", (s) => s.coverage !== null && s.coverage < 1 && "c-stale"],
  ["Policy p95", (s) => micros(s.p95_us), (s) => `p50 ${micros(s.p50_us)}`, () => null],
  ["Tokens", (s) => count(total(s)), (s) => `${count(s.output_tokens)} written`, () => null],
];
const total = (s) => (s.input_tokens ?? 0) + (s.output_tokens ?? 0);

function strip() {
  const node = el("section", { class: "strip", "aria-label": "Summary", "aria-busy": "true" });
  return {
    node, path: "stats", params: () => ({}),
    show({ data: [stats] }) {
      node.removeAttribute("aria-busy");
      replace(node, el("h2", { class: "sr" }, "Summary"), TILES.map(([name, value, below, color]) =>
        el("div", { class: `tile ${color(stats) || ""}` },
          el("h3", {}, name), el("p", { class: "big" }, value(stats)), el("p", { class: "dim small" }, below(stats)))));
    },
    fail(message) {
      node.removeAttribute("aria-busy");
      replace(node, el("p", { class: "error", role: "status" }, message));
    },
  };
}

function series(title, name, label, order, size, { kind = "bars", format = count, whole = true, hint } = {}) {
  const panel = frame(title, size);
  const chart = timeChart(panel.body, { kind, format, label: title });
  return {
    node: panel.node, path: `series/${name}`, params: ({ step }) => ({ step }), fail: panel.fail,
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
    node: panel.node, path: "series/liveness", params: ({ step }) => ({ step }), fail: panel.fail,
    show: (answer, { step }) => panel.settle(answer, () => chart.draw({ ...widen(answer.data, "agent_id"), step })),
  };
}

const agentLink = (agent, state) =>
  el("a", { href: address({ ...state, view: "overview", agents: [agent] }), title: "Show only this agent", "data-focus": `agent ${agent}` }, agent);
const traceLink = (row, state) =>
  row.trace_id && el("a", { class: "mono", href: address({ ...state, view: "trace", traceId: row.trace_id }), title: row.trace_id, "data-focus": `trace ${row.trace_id}` }, el("span", { class: "sr" }, "Trace "), row.trace_id.slice(0, 8));
const when = (row, now) => el("time", { datetime: new Date(row.time).toISOString(), title: exactly(row.time) }, moment(row.time, now));
const operation = (row) => row.tool || row.model || "";

function agents() {
  const panel = frame("Agents", "w7");
  const columns = (state, now) => [
    { head: "Agent", row: true, cell: (r) => agentLink(r.agent_id, state) },
    { head: "Status", cell: (r) => status(r.status) },
    { head: "Last seen", cell: (r) => ago(r.last_seen, now) },
    { head: "Decisions", num: true, cell: (r) => count(r.decisions) },
    { head: "Violations", num: true, cell: (r) => count(r.violations) },
    { head: "Blocked", num: true, cell: (r) => count(r.blocked) },
    { head: "Redacted", num: true, cell: (r) => count(r.redacted) },
    { head: "Governed", num: true, cell: (r) => el("span", { title: `${count(r.governed)} of ${count(r.calls)} calls` }, percent(r.calls ? r.governed / r.calls : null)) },
    { head: "Tokens", num: true, cell: (r) => count(total(r)) },
    { head: "Policies", cell: (r) => r.last_bundle_version ?? "" },
  ];
  return {
    node: panel.node, path: "agents", params: () => ({}), fail: panel.fail,
    show(answer, { state, now }) {
      panel.hint.textContent = `${count(answer.data.length)} known`;
      const shown = [answer.data, state, Math.floor(now / 5000)];
      panel.settle(shown, () => replace(panel.body, table("Agents", columns(state, now), answer.data, state.agents.length ? "No agent of this choice is known." : "No agent has sent anything yet.")));
    },
  };
}

function byPolicy() {
  const panel = frame("Violations by policy", "w5");
  return {
    node: panel.node, path: "violations/by_policy", params: () => ({}), fail: panel.fail,
    show: (answer) => panel.settle(answer, () =>
      answer.data.length ? ranking(panel.body, answer.data) : replace(panel.body, el("p", { class: "empty" }, "No policy matched in this range."))),
  };
}

/** A table that begins with 25 rows and grows on demand, and keeps its size when it is refreshed. */
function listing({ title, path, size, columns, empty, again }) {
  const panel = frame(title, size);
  if (size !== "w12") panel.node.classList.add("short");
  let limit = PAGE;
  const more = el("button", { type: "button", "data-focus": "more", onclick: () => { limit = Math.min(MOST, limit * 4); again(); } }, "Show older");
  return {
    node: panel.node, path, params: () => ({ limit }), fail: panel.fail,
    show(answer, { state, now }) {
      const rows = answer.data;
      const full = rows.length >= limit;
      panel.hint.textContent = rows.length ? `newest ${count(rows.length)}` : "";
      panel.settle([rows, state], () =>
        replace(panel.body, table(title, columns(state, now), rows, empty), full && limit < MOST && el("p", { class: "more" }, more)));
    },
  };
}

const violations = (again) => listing({
  title: "Recent violations", path: "violations", size: "w12", again, empty: "No violation in this range.",
  columns: (state, now) => [
    { head: "Time", cell: (r) => when(r, now) },
    { head: "Severity", cell: (r) => severity(r.severity) },
    { head: "Agent", cell: (r) => agentLink(r.agent_id, state) },
    { head: "Policy", row: true, cell: (r) => r.policy_id },
    { head: "Enforced", cell: (r) => [verdict(r.enforced), r.mode === "shadow" && el("span", { class: "tag" }, "shadow")] },
    { head: "Point", cell: (r) => r.point },
    { head: "Tool or model", cell: operation },
    { head: "Reason", wide: true, cell: (r) => r.reason },
    { head: "Trace", cell: (r) => traceLink(r, state) },
  ],
});

const decisions = (again) => listing({
  title: "Recent decisions", path: "decisions", size: "w12", again, empty: "No decision in this range.",
  columns: (state, now) => [
    { head: "Time", cell: (r) => when(r, now) },
    { head: "Enforced", cell: (r) => [verdict(r.enforced), r.verdict !== r.enforced && el("span", { class: "tag" }, `decided ${r.verdict}`)] },
    { head: "Agent", cell: (r) => agentLink(r.agent_id, state) },
    { head: "Point", row: true, cell: (r) => r.point },
    { head: "Tool or model", cell: operation },
    { head: "Policies", cell: (r) => r.policies },
    { head: "Reason", wide: true, cell: (r) => r.reason },
    { head: "Took", num: true, cell: (r) => micros(r.duration_us) },
    { head: "Trace", cell: (r) => traceLink(r, state) },
  ],
});

const logs = (again) => listing({
  title: "Log", path: "logs", size: "w7", again, empty: "No log record in this range.",
  columns: (state, now) => [
    { head: "Time", cell: (r) => when(r, now) },
    { head: "Level", cell: (r) => r.severity },
    { head: "Agent", cell: (r) => agentLink(r.agent_id, state) },
    { head: "Message", row: true, wide: true, cell: (r) => r.body || r.event_name },
    { head: "Trace", cell: (r) => traceLink(r, state) },
  ],
});
