// The tables: agents, violations, decisions, the log. Each is a panel (see overview.js).

import { severity, status, verdict } from "./badges.js";
import { el, replace } from "./dom.js";
import { ago, count, exactly, micros, moment, percent } from "./format.js";
import { frame } from "./frame.js";
import { address } from "./state.js";
import { tokens } from "./strip.js";
import { table } from "./table.js";

const PAGE = 25;
const MOST = 1000;

const agentLink = (agent, state) =>
  el(
    "a",
    {
      href: address({ ...state, view: "overview", agents: [agent] }),
      title: "Show only this agent",
      "data-focus": `agent ${agent}`,
    },
    agent,
  );
const traceLink = (row, state) =>
  row.trace_id &&
  el(
    "a",
    {
      class: "mono",
      href: address({ ...state, view: "trace", traceId: row.trace_id }),
      title: row.trace_id,
      "data-focus": `trace ${row.trace_id}`,
    },
    el("span", { class: "sr" }, "Trace "),
    row.trace_id.slice(0, 8),
  );
const when = (row, now) =>
  el("time", { datetime: new Date(row.time).toISOString(), title: exactly(row.time) }, moment(row.time, now));
const operation = (row) => row.tool || row.model || "";

/** Every known agent. */
export function agents() {
  const panel = frame("Agents", "w7");
  const columns = (state, now) => [
    { head: "Agent", row: true, cell: (r) => agentLink(r.agent_id, state) },
    { head: "Status", cell: (r) => status(r.status) },
    { head: "Trust", num: true, cell: (r) => el("span", { title: r.tier }, count(r.trust)) },
    { head: "Last seen", cell: (r) => ago(r.last_seen, now) },
    { head: "Decisions", num: true, cell: (r) => count(r.decisions) },
    { head: "Violations", num: true, cell: (r) => count(r.violations) },
    { head: "Blocked", num: true, cell: (r) => count(r.blocked) },
    { head: "Redacted", num: true, cell: (r) => count(r.redacted) },
    {
      head: "Governed",
      num: true,
      cell: (r) =>
        el(
          "span",
          { title: `${count(r.governed)} of ${count(r.calls)} calls` },
          percent(r.calls ? r.governed / r.calls : null),
        ),
    },
    { head: "Tokens", num: true, cell: (r) => count(tokens(r)) },
    { head: "Policies", cell: (r) => r.last_bundle_version ?? "" },
  ];
  return {
    node: panel.node,
    path: "agents",
    params: () => ({}),
    fail: panel.fail,
    show(answer, { state, now }) {
      panel.hint.textContent = `${count(answer.data.length)} known`;
      const shown = [answer.data, state, Math.floor(now / 5000)];
      panel.settle(shown, () =>
        replace(
          panel.body,
          table(
            "Agents",
            columns(state, now),
            answer.data,
            state.agents.length ? "No agent of this choice is known." : "No agent has sent anything yet.",
          ),
        ),
      );
    },
  };
}

/** A table that begins with 25 rows and grows on demand, and keeps its size when it is refreshed. */
function listing({ title, path, size, columns, empty, again }) {
  const panel = frame(title, size);
  if (size !== "w12") panel.node.classList.add("short");
  let limit = PAGE;
  const more = el(
    "button",
    {
      type: "button",
      "data-focus": "more",
      onclick: () => {
        limit = Math.min(MOST, limit * 4);
        again();
      },
    },
    "Show older",
  );
  return {
    node: panel.node,
    path,
    params: () => ({ limit }),
    fail: panel.fail,
    show(answer, { state, now }) {
      const rows = answer.data;
      const full = rows.length >= limit;
      panel.hint.textContent = rows.length ? `newest ${count(rows.length)}` : "";
      panel.settle([rows, state], () =>
        replace(
          panel.body,
          table(title, columns(state, now), rows, empty),
          full && limit < MOST && el("p", { class: "more" }, more),
        ),
      );
    },
  };
}

/** What matched, newest first. `again()` asks for a refresh. */
export const violations = (again) =>
  listing({
    title: "Recent violations",
    path: "violations",
    size: "w12",
    again,
    empty: "No violation in this range.",
    columns: (state, now) => [
      { head: "Time", cell: (r) => when(r, now) },
      { head: "Severity", cell: (r) => severity(r.severity) },
      { head: "Agent", cell: (r) => agentLink(r.agent_id, state) },
      { head: "Policy", row: true, cell: (r) => r.policy_id },
      {
        head: "Enforced",
        cell: (r) => [verdict(r.enforced), r.mode === "shadow" && el("span", { class: "tag" }, "shadow")],
      },
      { head: "Point", cell: (r) => r.point },
      { head: "Tool or model", cell: operation },
      { head: "Reason", wide: true, cell: (r) => r.reason },
      { head: "Trace", cell: (r) => traceLink(r, state) },
    ],
  });

/** What was decided, newest first. */
export const decisions = (again) =>
  listing({
    title: "Recent decisions",
    path: "decisions",
    size: "w12",
    again,
    empty: "No decision in this range.",
    columns: (state, now) => [
      { head: "Time", cell: (r) => when(r, now) },
      {
        head: "Enforced",
        cell: (r) => [
          verdict(r.enforced),
          r.verdict !== r.enforced && el("span", { class: "tag" }, `decided ${r.verdict}`),
        ],
      },
      { head: "Agent", cell: (r) => agentLink(r.agent_id, state) },
      { head: "Point", row: true, cell: (r) => r.point },
      { head: "Tool or model", cell: operation },
      { head: "Policies", cell: (r) => r.policies },
      { head: "Reason", wide: true, cell: (r) => r.reason },
      { head: "Took", num: true, cell: (r) => micros(r.duration_us) },
      { head: "Trace", cell: (r) => traceLink(r, state) },
    ],
  });

/** Log records, newest first. */
export const logs = (again) =>
  listing({
    title: "Log",
    path: "logs",
    size: "w7",
    again,
    empty: "No log record in this range.",
    columns: (state, now) => [
      { head: "Time", cell: (r) => when(r, now) },
      { head: "Level", cell: (r) => r.severity },
      { head: "Agent", cell: (r) => agentLink(r.agent_id, state) },
      { head: "Message", row: true, wide: true, cell: (r) => r.body || r.event_name },
      { head: "Trace", cell: (r) => traceLink(r, state) },
    ],
  });
