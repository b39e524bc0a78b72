// What one span carries: where it ran, its attributes, its events. All of it is text.

import { el, replace } from "../dom.js";
import { isoLocal } from "../moments.js";
import { formatValue } from "../units.js";
import { entries } from "./spans.js";

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const plain = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value));

/** Fill `host` with a span; `start` is the trace's, `close()` what the button does. */
export function describe(host, span, start, close) {
  replace(
    host,
    el("header", {}, el("h4", { tabindex: -1, "data-focus": "span" }, span.name || "span"), el("button", { type: "button", class: "p-small", onclick: close, "aria-label": "Close details", "data-focus": "close" }, "Close")),
    span.message && el("p", { class: span.failed ? "p-bad" : undefined }, span.message),
    table("Span", facts(span, start)),
    table("Attributes", span.attributes),
    span.events.map((event) => table(`Event: ${plain(event.name ?? "")}`, about(event, start))),
  );
}

function facts(span, start) {
  const more = span.more.map(([key, value]) => [key.replace("_", " "), key === "kind" ? (KINDS[value] ?? value) : value]);
  return [
    ["service", span.service],
    ["started", `${isoLocal(span.start)} (${formatValue(span.start - start, "ms")} after the start)`],
    ["took", formatValue(span.duration, "ms")],
    ["status", span.failed ? "error" : ""],
    ["verdict", span.verdict],
    ["policies", span.policies],
    ...more,
    ["span id", span.id],
    ["parent", span.parent],
  ];
}

function about(event, start) {
  const at = Number(event.time ?? event.timestamp);
  const fields = entries(event.attributes ?? event.fields ?? {});
  return Number.isFinite(at) ? [["after", formatValue(at - start, "ms")], ...fields] : fields;
}

function table(title, pairs) {
  const given = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  if (!given.length) return null;
  return el(
    "table",
    { class: "p-facts" },
    el("caption", {}, title),
    el("tbody", {}, given.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, plain(value))))),
  );
}
