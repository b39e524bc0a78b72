// What is shown, kept in the address after "#": links can be shared and "back" works. The key is never in it.

export const RANGES = new Map([
  ["15m", 15 * 60_000],
  ["1h", 3_600_000],
  ["6h", 6 * 3_600_000],
  ["24h", 24 * 3_600_000],
  ["7d", 7 * 24 * 3_600_000],
]);
const DEFAULT_RANGE = "6h";
const MOST_POINTS = 120;
const STEPS = [5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200].map((seconds) => seconds * 1000);

/** Read the address: `view` is "overview" or "trace" (then with `traceId`). What is malformed is left out. */
export function read(hash = window.location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const params = new URLSearchParams(query);
  const range = RANGES.has(params.get("range")) ? params.get("range") : DEFAULT_RANGE;
  const agents = params.getAll("agent").filter(Boolean);
  const trace = /^trace\/([0-9a-f]{32})$/.exec(path);
  return trace ? { view: "trace", traceId: trace[1], range, agents } : { view: "overview", range, agents };
}

/** The address of a state. */
export function address({ view = "overview", traceId, range, agents }) {
  const params = new URLSearchParams();
  if (range !== DEFAULT_RANGE) params.set("range", range);
  for (const agent of agents) params.append("agent", agent);
  const query = params.toString();
  return `#/${view === "trace" ? `trace/${traceId}` : "overview"}${query ? `?${query}` : ""}`;
}

/** The query of a state at a moment: a range that ends now, in at most 120 steps of a round length. */
export function asked({ range, agents }, now) {
  const length = RANGES.get(range);
  const step = STEPS.find((ms) => length / ms <= MOST_POINTS);
  return { from: now - length, to: now, step, agent: agents.join("|") };
}
