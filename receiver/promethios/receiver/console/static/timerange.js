// Time ranges in Grafana's words: "now-6h", "now/d", Unix milliseconds; shifting, zooming, naming them.

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const UNIT_NAMES = { s: "second", m: "minute", h: "hour", d: "day", w: "week", M: "month", y: "year" };
const RELATIVE = /^now(?:([+-]\d{1,6})([smhdwMy]))?(?:\/([smhdwMy]))?$/;
const LONGEST = 10 * 365 * UNIT_MS.d;

/** The ranges offered, shortest first. */
export const PRESETS = [
  ..."5m 15m 30m 1h 3h 6h 12h 24h 2d 7d 30d".split(" ").map((back) => ({ from: `now-${back}`, to: "now" })),
  { from: "now/d", to: "now" },
  { from: "now-1d/d", to: "now-1d/d" },
];

function shifted(now, count, unit) {
  if (UNIT_MS[unit]) return now + count * UNIT_MS[unit];
  const at = new Date(now);
  if (unit === "M") at.setMonth(at.getMonth() + count);
  else at.setFullYear(at.getFullYear() + count);
  return at.getTime();
}

/** The start of a time's second, minute, …, year in the browser's time zone; its end when `up`. */
function rounded(time, unit, up) {
  const at = new Date(time);
  const { year, month, day } = { year: at.getFullYear(), month: at.getMonth(), day: at.getDate() };
  if ("smh".includes(unit)) {
    const start = Math.floor(time / UNIT_MS[unit]) * UNIT_MS[unit];
    return up ? start + UNIT_MS[unit] - 1 : start;
  }
  const edge = {
    d: (n) => new Date(year, month, day + n),
    w: (n) => new Date(year, month, day - ((at.getDay() + 6) % 7) + 7 * n),
    M: (n) => new Date(year, month + n, 1),
    y: (n) => new Date(year + n, 0, 1),
  }[unit];
  return up ? edge(1).getTime() - 1 : edge(0).getTime();
}

/** A time's text as Unix ms, or null for what is none. Rounding goes down, or `up` for the end of a range. */
export function timeOf(text, now, up = false) {
  const found = RELATIVE.exec(text);
  if (found) {
    const [, count, unit, edge] = found;
    const at = count ? shifted(now, Number(count), unit) : now;
    return edge ? rounded(at, edge, up) : at;
  }
  if (/^\d{10,14}$/.test(text)) return Number(text);
  const parsed = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text.replace(" ", "T")) : Number.NaN;
  return Number.isNaN(parsed) ? null : parsed;
}

/** Whether two texts are a range: both are times, the second later, at most ten years apart. */
export function isRange({ from, to }, now = Date.now()) {
  const [start, end] = [timeOf(from, now), timeOf(to, now, true)];
  return start !== null && end !== null && start < end && end - start <= LONGEST;
}

/** A range as `{from, to}` in Unix ms, at a moment. */
export const resolve = ({ from, to }, now) => ({
  from: Math.floor(timeOf(from, now)),
  to: Math.floor(timeOf(to, now, true)),
});

/** Whether a range moves on with the clock. */
export const isMoving = ({ to }) => to.startsWith("now");

const fixed = (from, to) => ({ from: String(Math.round(from)), to: String(Math.round(to)) });

/** The range half its length earlier (-1) or later (+1), never beyond now. */
export function shift(range, direction, now) {
  const { from, to } = resolve(range, now);
  const by = Math.min((direction * (to - from)) / 2, direction > 0 ? Math.max(0, now - to) : Infinity);
  return by === 0 ? range : fixed(from + by, to + by);
}

/** The range twice as long, around the same middle; one that ends now still does. */
export function zoomOut(range, now) {
  const { from, to } = resolve(range, now);
  const length = Math.min(2 * (to - from), LONGEST);
  const end = Math.min((from + to + length) / 2, now);
  return fixed(end - length, end);
}

/** The range between two times that were chosen in a chart; at least a second. */
export const between = (a, b) => fixed(Math.min(a, b), Math.max(a, b, Math.min(a, b) + 1000));

const two = (n) => String(n).padStart(2, "0");

/** Unix ms as a field for date and time takes it, "2026-11-22T14:05:00", in local time. */
export function localInput(time) {
  const at = new Date(time);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function lastOf(from) {
  const found = /^now-(\d+)([smhdwMy])$/.exec(from);
  if (!found) return null;
  const [, count, unit] = found;
  return count === "1" ? `Last ${UNIT_NAMES[unit]}` : `Last ${count} ${UNIT_NAMES[unit]}s`;
}

function shownTime(text) {
  const time = timeOf(text, 0);
  return text.startsWith("now") || time === null ? text : localInput(time).replace("T", " ").replace(/:00$/, "");
}

/** A range in words: "Last 6 hours", "Today", "2026-11-22 08:00 to 14:00". */
export function describe({ from, to }) {
  if (to === "now" && lastOf(from)) return lastOf(from);
  if (from === "now/d" && to === "now") return "Today";
  if (from === "now-1d/d" && to === "now-1d/d") return "Yesterday";
  const [start, end] = [shownTime(from), shownTime(to)];
  return `${start} to ${end.slice(0, 10) === start.slice(0, 10) && /^\d/.test(start) ? end.slice(11) : end}`;
}
