// The step of a query: the range divided by the points wanted, rounded to a length that people use.
// After packages/grafana-data/src/datetime/rangeutil.ts of https://github.com/grafana/grafana.

// [below this many ms, the step is]
const ROUNDED = [
  [10, 1],
  [15, 10],
  [35, 20],
  [75, 50],
  [150, 100],
  [350, 200],
  [750, 500],
  [1500, 1000],
  [3500, 2000],
  [7500, 5000],
  [12_500, 10_000],
  [17_500, 15_000],
  [25_000, 20_000],
  [45_000, 30_000],
  [90_000, 60_000],
  [210_000, 120_000],
  [450_000, 300_000],
  [750_000, 600_000],
  [1_050_000, 900_000],
  [1_500_000, 1_200_000],
  [2_700_000, 1_800_000],
  [5_400_000, 3_600_000],
  [9_000_000, 7_200_000],
  [16_200_000, 10_800_000],
  [32_400_000, 21_600_000],
  [86_400_000, 43_200_000],
  [604_800_000, 86_400_000],
  [1_814_400_000, 604_800_000],
  [3_628_800_000, 2_592_000_000],
];
const YEAR = 31_536_000_000;
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** "10s" in ms; null for what is no length. A leading ">" is Grafana's old way to say "at least". */
export function lengthMs(text) {
  const found = /^>?(\d+)(ms|[smhdw])$/.exec(text ?? "");
  return found ? Number(found[1]) * UNITS[found[2]] : null;
}

/** A step in ms as "30s", "5m", "2h". */
export function stepText(ms) {
  const [unit, size] = Object.entries(UNITS).findLast(([, size]) => ms % size === 0) ?? ["ms", 1];
  return `${ms / size}${unit}`;
}

/** The step in ms for a range, at most so many points, and not below the panel's `interval`. */
export function stepFor({ from, to }, points, lowest) {
  const exact = (to - from) / Math.max(1, points);
  const round = ROUNDED.find(([below]) => exact < below)?.[1] ?? YEAR;
  return Math.max(round, lengthMs(lowest) ?? 1);
}
