// Value mappings: from a value, a range, a pattern or a special value to a text and a colour.

import { patternOf } from "./matchers.js";

const SPECIAL = {
  true: (value) => value === true,
  false: (value) => value === false,
  null: (value) => value === null || value === undefined,
  nan: (value) => Number.isNaN(value),
  "null+nan": (value) => value === null || value === undefined || Number.isNaN(value),
  empty: (value) => value === "",
};

const KINDS = {
  value: (options, value) => {
    const key = String(value);
    return value !== null && value !== undefined && Object.hasOwn(options, key) ? options[key] : undefined;
  },
  range: ({ from, to, result }, value) =>
    typeof value === "number" && value >= (from ?? -Infinity) && value <= (to ?? Infinity) ? result : undefined,
  regex: ({ pattern, result }, value) => (typeof value === "string" && patternOf(pattern)?.test(value) ? result : undefined),
  special: ({ match, result }, value) => (SPECIAL[match]?.(value) ? result : undefined),
};

export const MAPPING_KINDS = Object.keys(KINDS);

/** What a field's mappings make of a value: `{text?, color?, index?}` or undefined; the first that fits. */
export function mapped(mappings, value) {
  for (const { type, options } of mappings ?? []) {
    const result = KINDS[type]?.(options, value);
    if (result) return result;
  }
  return undefined;
}
