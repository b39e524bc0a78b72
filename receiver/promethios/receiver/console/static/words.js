// The words the receiver uses, worst first, and the class that colours each. A word that is not here is
// shown as it is, in grey: class names are never made from what was received.

export const SEVERITIES = ["critical", "high", "medium", "low"];
export const VERDICTS = ["block", "approve", "redact", "flag", "allow"];
export const QUANTILES = ["p99", "p95", "p50"];
export const DIRECTIONS = ["input", "output"];
export const SIGNALS = ["spans", "metrics", "logs"];
export const STATUSES = ["live", "stale", "down"];

const KNOWN = new Map(
  [...SEVERITIES, ...VERDICTS, ...QUANTILES, ...DIRECTIONS, ...SIGNALS, ...STATUSES].map((word) => [
    word,
    `c-${word}`,
  ]),
);

/** The CSS class that sets `--c`, the colour of a word. */
export const colorOf = (word) => KNOWN.get(word) ?? "c-other";
