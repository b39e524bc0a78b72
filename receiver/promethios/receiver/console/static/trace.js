// One trace as a waterfall: operations and the decisions within them. A row opens to show what it carries.

import { verdict } from "./badges.js";
import { el, replace } from "./dom.js";
import { count, exactly, millis } from "./format.js";
import { ticks } from "./scale.js";
import { address } from "./state.js";
import { flatten } from "./tree.js";
import { colorOf } from "./words.js";

const MOST = 2000;
const DECISION = "promethios.decide";
// OTLP numbers both.
const STATUS = ["unset", "ok", "error"];
const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/** Show the spans of `traces/{id}` in `host`, or what went wrong. */
export function showTrace(host, state, answer) {
  const rows = flatten(answer.data);
  const start = Math.min(...answer.data.map((span) => span.startTime));
  const end = Math.max(...answer.data.map((span) => span.startTime + span.duration));
  const window = { start, length: Math.max(end - start, 0.001) };
  replace(
    host,
    head(state),
    facts(answer.data, rows, window),
    waterfall(rows.slice(0, MOST), window),
    rows.length > MOST &&
      el("p", { class: "empty" }, `The first ${count(MOST)} of ${count(rows.length)} spans.`),
  );
}

/** Show in `host` that the trace is on its way, or a message in its place. */
export function showNoTrace(host, state, message) {
  replace(
    host,
    head(state),
    el("p", { class: message ? "empty error" : "empty", role: "status" }, message || "Loading the trace…"),
  );
}

function head(state) {
  return el(
    "header",
    { class: "trace-head" },
    el(
      "a",
      { class: "back", href: address({ ...state, view: "overview" }), "data-focus": "back" },
      "← Overview",
    ),
    el("h1", { tabindex: -1, "data-focus": "title" }, "Trace ", el("span", { class: "mono" }, state.traceId)),
  );
}

function facts(spans, rows, window) {
  const decided = spans.filter((span) => span.operationName === DECISION);
  const stopped = decided.filter((span) => (enforced(span) ?? "allow") !== "allow");
  const agents = [...new Set(spans.map((span) => span.agent_id || span.serviceName))];
  const pairs = [
    ["Agent", agents.join(", ")],
    ["Root", rows[0]?.span.operationName ?? ""],
    ["Started", exactly(window.start)],
    ["Took", millis(window.length)],
    ["Spans", count(spans.length)],
    [
      "Decisions",
      stopped.length
        ? `${count(decided.length)} (${count(stopped.length)} not allowed)`
        : count(decided.length),
    ],
    ["Errors", count(spans.filter((span) => span.statusCode === 2).length)],
  ];
  return el(
    "dl",
    { class: "facts" },
    pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
  );
}

const enforced = (span) => span.attributes?.["promethios.decision.enforced"] ?? span.verdict;

function waterfall(rows, window) {
  return el(
    "div",
    { class: "panel trace-panel" },
    el(
      "div",
      { class: "waterfall", role: "table", "aria-label": "Spans by start, each below its parent" },
      el(
        "div",
        { class: "wf-row wf-head", role: "row" },
        el("div", { role: "columnheader" }, "Operation"),
        el("div", { role: "columnheader", class: "num" }, "Took"),
        el(
          "div",
          { role: "columnheader", class: "wf-scale" },
          el("span", { class: "sr" }, "When"),
          scale(window),
        ),
      ),
      rows.map((row) => spanRow(row, window)),
    ),
  );
}

const share = (ms, window) => (ms / window.length) * 100;

function scale(window) {
  return ticks(window.length, 5)
    .filter((mark) => mark < window.length * 0.94)
    .map((mark) => {
      const label = el("span", {}, millis(mark));
      label.style.setProperty("left", `${share(mark, window)}%`);
      return label;
    });
}

function spanRow({ span, depth }, window) {
  const details = el("div", { class: "wf-details", role: "row", hidden: true });
  const toggle = el(
    "button",
    { type: "button", class: "wf-name", "aria-expanded": "false" },
    el("span", { class: "wf-arrow", "aria-hidden": "true" }, "▸"),
    el("span", { class: "wf-op" }, span.operationName),
    span.serviceName && el("span", { class: "dim wf-service" }, span.serviceName),
  );
  toggle.addEventListener("click", () => {
    const open = details.hidden;
    if (open && !details.hasChildNodes()) details.append(el("div", { role: "cell" }, describe(span)));
    details.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
  });
  const name = el("div", { class: "wf-label", role: "rowheader" }, toggle, marks(span));
  name.style.setProperty("padding-left", `${Math.min(depth, 12) * 16}px`);
  return [
    el(
      "div",
      { class: `wf-row ${span.statusCode === 2 ? "failed" : ""}`, role: "row" },
      name,
      el("div", { class: "num", role: "cell" }, millis(span.duration)),
      el("div", { class: "wf-track", role: "cell" }, bar(span, window)),
    ),
    details,
  ];
}

function marks(span) {
  if (span.operationName === DECISION) return verdict(enforced(span));
  if (span.statusCode === 2)
    return el(
      "span",
      { class: "badge c-block" },
      el("span", { class: "mark", "aria-hidden": "true" }, "!"),
      "error",
    );
  return null;
}

function colorOfSpan(span) {
  if (span.operationName === DECISION) return `${colorOf(enforced(span))} decision`;
  const operation = span.attributes?.["gen_ai.operation.name"];
  if (operation === "execute_tool") return "c-tool";
  if (operation === "invoke_agent" || operation === "create_agent") return "c-agent";
  return operation ? "c-model" : "c-other";
}

function bar(span, window) {
  const left = share(span.startTime - window.start, window);
  const node = el("div", {
    class: `wf-bar ${colorOfSpan(span)}`,
    title: `${millis(span.startTime - window.start)} after the start, ${millis(span.duration)} long`,
  });
  node.style.setProperty("left", `${Math.min(left, 99.6)}%`);
  node.style.setProperty("width", `${Math.max(share(span.duration, window), 0.4)}%`);
  return node;
}

function describe(span) {
  return [
    span.statusMessage && el("p", { class: "error" }, span.statusMessage),
    properties("Span", {
      service: span.serviceName,
      agent: span.agent_id,
      kind: KINDS[span.kind] ?? span.kind,
      scope: span.scope,
      status: STATUS[span.statusCode] ?? span.statusCode,
      started: exactly(span.startTime),
      "span id": span.spanID,
    }),
    properties("Attributes", span.attributes ?? {}),
    (span.events ?? []).map((event) => properties(`Event: ${event.name}`, event.attributes ?? {})),
  ];
}

function properties(title, values) {
  const entries = Object.entries(values).filter(
    ([, value]) => value !== "" && value !== null && value !== undefined,
  );
  if (!entries.length) return null;
  return el(
    "table",
    { class: "props" },
    el("caption", {}, title),
    el(
      "tbody",
      {},
      entries.map(([name, value]) =>
        el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, plain(value))),
      ),
    ),
  );
}

const plain = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
