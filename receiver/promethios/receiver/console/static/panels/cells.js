// A table's cells: text, links, a filled word, or a bar with its number.

import { textOn } from "../colors.js";
import { el } from "../dom.js";
import { rangeOf } from "../fields.js";
import { anchor, ink, styled } from "./kit.js";

const kindOf = (field) => field.config.custom?.cellOptions?.type ?? "auto";

/** What a cell says, as text: what filters look at and what is read out. */
export function textOf(context, field, row) {
  const value = field.values[row];
  if (value !== null && typeof value === "object") return JSON.stringify(value);
  return context.format(field, value).text;
}

/** Numbers that are no times stand on the right, unless the field says where. */
export function alignOf(field) {
  const { align } = field.config.custom ?? {};
  if (align && align !== "auto") return align;
  const counted = field.type === "number" && !(field.config.unit ?? "").startsWith("date");
  return counted && kindOf(field) !== "gauge" ? "right" : "left";
}

/** The content of a cell in a row of the frame. */
export function cell(context, field, row) {
  const text = textOf(context, field, row);
  const links = context.links?.(field, row) ?? [];
  const { color } = context.format(field, field.values[row]);
  const kind = kindOf(field);
  const td = el("td", { class: `p-${alignOf(field)}`, title: text.length > 12 ? text : undefined });
  td.append(...(kind === "gauge" ? gauge(field, row, text, color) : linked(links, text)));
  if (color && kind === "color-background") fill(td, color);
  if (color && kind === "color-text") styled(td, { color });
  return td;
}

function linked(links, text) {
  if (!links.length) return [text];
  const [first, ...others] = links;
  return [anchor(first, {}, text), ...others.flatMap((link) => [" ", anchor(link, { class: "p-more-link" }, link.title)])];
}

function fill(td, color) {
  td.classList.add("p-filled");
  styled(td, { "--c": color, "--on": textOn(ink(color)) });
}

const ranges = new WeakMap();

function gauge(field, row, text, color) {
  const value = field.values[row];
  if (!ranges.has(field)) ranges.set(field, rangeOf(field));
  const [low, high] = ranges.get(field);
  const share = typeof value === "number" ? Math.min(1, Math.max(0, (value - low) / (high - low || 1))) : 0;
  const bar = styled(el("span", { class: "p-gauge-fill" }), { width: `${(share * 100).toFixed(2)}%`, "--c": color ?? "var(--accent)" });
  return [el("span", { class: "p-gauge" }, el("span", { class: "p-gauge-track", "aria-hidden": "true" }, bar), el("span", { class: "p-gauge-text" }, text))];
}
