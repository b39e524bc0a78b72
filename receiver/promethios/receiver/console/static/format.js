// Numbers, durations and times, as people read them. A missing value is a dash.

const NONE = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

const missing = (value) => value === undefined || value === null || Number.isNaN(value);

/** 1,234 up to a hundred thousand, 1.2M above. */
export function count(value) {
  if (missing(value)) return NONE;
  return Math.abs(value) < 100_000 ? whole.format(value) : short.format(value);
}

export function percent(share) {
  if (missing(share)) return NONE;
  // 99.96 % is not 100 %: whoever reads "100 %" stops looking.
  const shown = share < 1 ? Math.min(99.9, share * 100) : 100;
  return `${shown.toFixed(shown === 100 || shown === 0 ? 0 : 1)} %`;
}

/** Microseconds, in the unit that leaves three digits. */
export function micros(value) {
  if (missing(value)) return NONE;
  if (value < 1000) return `${digits(value)} µs`;
  return millis(value / 1000);
}

/** Milliseconds, in the unit that leaves three digits. */
export function millis(value) {
  if (missing(value)) return NONE;
  if (value !== 0 && value < 1) return `${digits(value * 1000)} µs`;
  if (value < 1000) return `${digits(value)} ms`;
  if (value < 60_000) return `${digits(value / 1000)} s`;
  return span(value);
}

function digits(value) {
  return value >= 100 || Number.isInteger(value)
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value.toFixed(2);
}

/** A length of time in words as short as "3 min" and "2 d 4 h". */
export function span(ms) {
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  if (s < 86_400) return pair(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return pair(Math.floor(s / 86_400), "d", Math.floor((s % 86_400) / 3600), "h");
}

const pair = (many, big, few, small) => (few ? `${many} ${big} ${few} ${small}` : `${many} ${big}`);

/** How long ago, from a Unix time in ms. */
export function ago(time, now) {
  if (missing(time)) return NONE;
  const s = Math.max(0, Math.round((now - time) / 1000));
  if (s < 5) return "just now";
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

export const hours = (time) => clock.format(time);
export const days = (time) => day.format(time);
export const exactly = (time) => full.format(time);

/** A row's time: the day only when it is not today. */
export function moment(time, now = Date.now()) {
  if (missing(time)) return NONE;
  const today = day.format(time) === day.format(now);
  return today ? seconds.format(time) : `${day.format(time)} ${seconds.format(time)}`;
}
