// Times and lengths of time in words. Times are Unix milliseconds, shown in the browser's time zone.

const two = (number) => String(number).padStart(2, "0");

/** "2026-11-22 14:12:29". */
export function isoLocal(time) {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return String(time);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${clock(time)}`;
}

/** "14:12:29". */
export function clock(time) {
  const at = new Date(time);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** How long ago, as short as "12 s ago"; what is ahead of the clock is "just now". */
export function ago(time, now) {
  const seconds = Math.max(0, Math.round((now - time) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A length of time in two of its units: "3 min", "2 d 4 h". */
export function lengthOf(ms) {
  const seconds = Math.round(ms / 1000);
  if (Math.abs(ms) < 1000) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  if (seconds < 86_400) return pair(Math.floor(seconds / 3600), "h", Math.floor((seconds % 3600) / 60), "min");
  return pair(Math.floor(seconds / 86_400), "d", Math.floor((seconds % 86_400) / 3600), "h");
}

const pair = (many, big, few, small) => (few ? `${many} ${big} ${few} ${small}` : `${many} ${big}`);
