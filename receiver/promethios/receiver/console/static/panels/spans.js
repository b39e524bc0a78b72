// A trace's spans as a tree. Telemetry is not always whole: a span whose parent is missing is a root, and so is
// one that only a ring of parents would reach.

const DECISION = "promethios.decide";
const POLICY = "gen_ai.guardrail.policy.id";
const ERROR = 2;

const parsed = (value) => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
};

/** Attributes as entries, from an object, Grafana's list of {key, value}, or the JSON of either. */
export function entries(value) {
  const found = parsed(value);
  if (Array.isArray(found)) return found.filter((one) => one && typeof one === "object" && "key" in one).map(({ key, value: of }) => [String(key), of]);
  return found && typeof found === "object" ? Object.entries(found) : [];
}

const list = (value) => {
  const found = parsed(value);
  return Array.isArray(found) ? found.filter((one) => one && typeof one === "object") : [];
};

/** The spans of the frames of a trace query, as objects; rows without an id or a start are left out. */
export function spansOf(frames) {
  return frames.flatMap(({ fields, length }) => {
    const named = new Map(fields.map((field) => [field.name, field.values]));
    const at = (name, row, otherwise) => named.get(name)?.[row] ?? otherwise;
    return Array.from({ length }, (_, row) => spanOf((name, otherwise) => at(name, row, otherwise))).filter(({ id, start }) => id && Number.isFinite(start));
  });
}

function spanOf(at) {
  const attributes = new Map(entries(at("attributes") ?? at("tags")));
  const name = String(at("operationName", ""));
  const events = list(at("events") ?? at("logs"));
  const enforced = attributes.get("promethios.decision.enforced") ?? at("verdict", "");
  return {
    id: String(at("spanID", "")),
    trace: String(at("traceID", "")),
    parent: String(at("parentSpanID", "")),
    name,
    service: String(at("serviceName", "")),
    start: Number(at("startTime", Number.NaN)),
    duration: Math.max(0, Number(at("duration", 0)) || 0),
    failed: Number(at("statusCode", 0)) === ERROR,
    message: String(at("statusMessage", "") ?? ""),
    verdict: String(enforced ?? ""),
    decision: name === DECISION,
    policies: policiesOf(events, at("policies")),
    attributes: [...attributes],
    events,
    more: ["agent_id", "kind", "scope", "decision_id"].map((key) => [key, at(key, "")]).filter(([, value]) => value !== ""),
  };
}

/** The policies of a decision: those that the query gives, else those that its events tell of. */
function policiesOf(events, given) {
  if (given) return String(given);
  const told = events.map((event) => new Map(entries(event.attributes ?? event.fields)).get(POLICY)).filter(Boolean);
  return [...new Set(told.map(String))].join(", ");
}

/** Nodes `{span, depth, parent, children: count, last, total}` in the order to show, siblings by start. */
export function tree(spans) {
  const known = new Map(spans.map((span) => [span.id, span]));
  const below = new Map();
  const roots = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    if (!span.parent || !known.has(span.parent) || span.parent === span.id) roots.push(span);
    else if (below.has(span.parent)) below.get(span.parent).push(span);
    else below.set(span.parent, [span]);
  }
  const nodes = [];
  const seen = new Set();
  const walk = (root) => {
    const stack = [[root, 0, null]];
    while (stack.length) {
      const [span, depth, parent] = stack.pop();
      if (seen.has(span)) continue;
      seen.add(span);
      const children = below.get(span.id) ?? [];
      const node = { span, depth, parent, children: children.length };
      nodes.push(node);
      for (const child of children.toReversed()) stack.push([child, depth + 1, node]);
    }
  };
  roots.forEach(walk);
  for (const span of spans) if (!seen.has(span)) walk(span);
  return nodes;
}

/** The nodes to show when those of `closed` hide what is below them. */
export function open(nodes, closed) {
  const hidden = new Set();
  return nodes.filter((node) => {
    const gone = node.parent && (hidden.has(node.parent) || closed.has(node.parent));
    if (gone) hidden.add(node);
    return !gone;
  });
}

/** When the trace begins and how long it is, in ms; never nothing, so that it can be divided by. */
export function extentOf(spans) {
  const start = spans.reduce((least, span) => Math.min(least, span.start), Infinity);
  const end = spans.reduce((most, span) => Math.max(most, span.start + span.duration), -Infinity);
  return { start, length: Math.max(end - start, 0.001) };
}

/** Whether a span has the text in its name, service, message, verdict, attributes or events. */
export function has(span, text) {
  const wanted = text.toLowerCase();
  const within = (value) => String(typeof value === "object" ? JSON.stringify(value) : value).toLowerCase().includes(wanted);
  return [span.name, span.service, span.message, span.verdict, span.policies, span.id].some(within) || span.attributes.some(([key, value]) => within(key) || within(value)) || span.events.some(within);
}
