// Where ticks go: round numbers on the left, round local times below.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIMES = [1, 2, 5, 10, 15, 30]
  .map((n) => n * MINUTE)
  .concat(
    [1, 2, 3, 6, 12].map((n) => n * HOUR),
    [DAY, 2 * DAY],
  );

/** Ticks from 0 up to the first round number at or above `top`, about `wanted` of them. */
export function ticks(top, wanted = 4, integers = false) {
  if (!(top > 0)) return [0, 1];
  const raw = top / wanted;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  let step = [1, 2, 2.5, 5, 10].find((n) => n * magnitude >= raw) * magnitude;
  if (integers) step = Math.max(1, Math.ceil(step));
  const last = Math.ceil(top / step - 1e-9);
  return Array.from({ length: last + 1 }, (_, i) => i * step);
}

/** Round local times between `from` and `to`, no more than `most`; `daily` says whether they are days. */
export function timeTicks(from, to, most) {
  const step = TIMES.find((t) => (to - from) / t <= most) ?? 7 * DAY;
  const offset = new Date(from).getTimezoneOffset() * MINUTE;
  const found = [];
  for (let t = Math.ceil((from - offset) / step) * step + offset; t <= to; t += step) found.push(t);
  return { times: found, daily: step >= DAY };
}
