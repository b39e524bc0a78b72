// What a field is called and how its values are shown: defaults and overrides of a panel, as Grafana applies them.
// After packages/grafana-data/src/field/{fieldOverrides,fieldState,displayProcessor}.ts of
// https://github.com/grafana/grafana.

import { PALETTE, shown } from "./colors.js";
import { isMatcher, matches } from "./matchers.js";
import { fill } from "./template.js";
import { mapped } from "./mappings.js";
import { formatParts, formatValue } from "./units.js";

export { formatValue, isMatcher };

/** The name of a field without what a panel calls it: its labels, when it is just a value. */
export function plainName(field, frame = {}) {
  const labels = Object.entries(field.labels ?? {});
  if (labels.length === 0) return field.name || frame.name || "Value";
  const parts = field.name && field.name !== "Value" ? [field.name] : [];
  if (labels.length === 1) parts.push(String(labels[0][1]));
  else parts.push(`{${labels.map(([key, value]) => `${key}="${value}"`).join(", ")}}`);
  return parts.join(" ");
}

function named(field, frame, config) {
  if (!config.displayName) return plainName(field, frame);
  // A time has no labels: a template of labels must not leave it without a name.
  return titled(field, frame, config) || plainName(field, frame);
}

function titled(field, frame, config) {
  return fill(config.displayName, (name) => {
    if (name.startsWith("__field.labels.")) return field.labels?.[name.slice(15)] ?? "";
    if (name === "__field.labels") return Object.values(field.labels ?? {}).join(", ");
    if (name === "__field.name") return field.name;
    if (name === "__field.displayName") return plainName(field, frame);
    return name === "__series.name" ? frame.name : undefined;
  });
}

/** Put `value` at a property's path: "custom.width" is in `custom`. Paths come from dashboards: no prototypes. */
function put(config, path, value) {
  if (!path.startsWith("custom.")) return { ...config, [path]: value };
  return { ...config, custom: { ...config.custom, [path.slice("custom.".length)]: value } };
}

function configured(field, frame, fieldConfig, lookup) {
  let config = { custom: {}, ...fieldConfig?.defaults, ...field.config };
  config.custom = { ...fieldConfig?.defaults?.custom, ...field.config?.custom };
  const known = { ...field, displayName: named(field, frame, config), plainName: plainName(field, frame) };
  for (const { matcher, properties } of fieldConfig?.overrides ?? []) {
    if (!matches(matcher, known, frame)) continue;
    for (const { id, value } of properties) config = put(config, id, value);
  }
  if (config.displayName) config.displayName = fill(config.displayName, lookup);
  return config;
}

/**
 * Frames with each field's `config` and `displayName`, as `panel.fieldConfig` says. `lookup(name)` fills variables
 * in display names; `theme` is "dark" or "light".
 */
export function applyFieldConfig(frames, fieldConfig, { lookup = () => undefined, theme = "dark" } = {}) {
  let series = 0;
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => {
      const config = configured(field, frame, fieldConfig, lookup);
      const index = field.type === "number" ? series++ : undefined;
      return { ...field, config, displayName: named(field, frame, config), index, theme };
    }),
  }));
}

/** The smallest and the largest of a field: what its config says, else what its values are. */
export function rangeOf(field) {
  const numbers = field.values.filter((value) => typeof value === "number");
  const low = field.config.min ?? numbers.reduce((a, b) => Math.min(a, b), Infinity);
  const high = field.config.max ?? numbers.reduce((a, b) => Math.max(a, b), -Infinity);
  return [Number.isFinite(low) ? low : 0, Number.isFinite(high) ? high : 1];
}

/** The step of a config's thresholds that a value has reached, or undefined. */
function thresholdOf(config, value, [low, high] = [config.min ?? 0, config.max ?? 100]) {
  const steps = config.thresholds?.steps ?? [];
  const size = config.thresholds?.mode === "percentage" ? (100 * (value - low)) / (high - low || 1) : value;
  return steps.filter((step) => step.value === null || step.value === undefined || size >= step.value).at(-1);
}

/** The colour of a series: its fixed one, else the next of the palette. */
export function seriesColor(field) {
  const { color } = field.config;
  if (color?.mode === "fixed" && color.fixedColor) return shown(color.fixedColor, field.theme) ?? "var(--other)";
  if (color?.mode === "thresholds") {
    const last = field.values.findLast((value) => typeof value === "number");
    return colorOf(field.config, last, field.theme) ?? "var(--other)";
  }
  return shown(PALETTE[(field.index ?? 0) % PALETTE.length], field.theme);
}

/** The colour that mappings, a fixed colour or thresholds give a value (CSS), or null when nothing does. */
export function colorOf(config, value, theme = "dark") {
  const found = mapped(config.mappings, value)?.color;
  if (found) return shown(found, theme);
  if (config.color?.mode === "fixed" && config.color.fixedColor) return shown(config.color.fixedColor, theme);
  if (typeof value !== "number") return null;
  const step = thresholdOf(config, value);
  return step ? shown(step.color, theme) : null;
}

/**
 * A value as its field shows it: `{text, prefix, number, suffix, color}`, where `text` is all of it and `color` is
 * CSS or null. A missing value is the config's `noValue`, or a dash.
 */
export function display(field, value) {
  const { config } = field;
  const color = colorOf(config, value, field.theme);
  const found = mapped(config.mappings, value);
  const missing = value === null || value === undefined;
  if (found?.text) return { text: found.text, prefix: "", number: found.text, suffix: "", color };
  if (missing && config.noValue) return { text: config.noValue, prefix: "", number: config.noValue, suffix: "", color };
  const parts = formatParts(value, unitOf(field), config.decimals);
  return { ...parts, text: parts.prefix + parts.number + parts.suffix, color };
}

function unitOf(field) {
  return field.type === "time" && (field.config.unit ?? "short") === "short" ? "dateTimeAsIso" : field.config.unit;
}
