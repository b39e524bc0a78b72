// One number, or a few, as large as the panel allows; coloured by what it means.

import { textOn } from "../colors.js";
import { el, replace } from "../dom.js";
import { patternOf } from "../matchers.js";
import { anchor, hiddenFrom, ink, nameOf, onResize, styled } from "./kit.js";
import { reduce } from "./reduce.js";

const MOST = 50;

/** The numbers to show: `{field, name, value, row}`, as the panel's `reduceOptions` choose them. */
function tiles(panel, frames) {
  const { calcs = ["lastNotNull"], fields = "", values: every, limit } = panel.options?.reduceOptions ?? {};
  const found = frames.flatMap((frame) => frame.fields.filter((field) => chosen(field, fields)));
  const all = found.flatMap((field) => {
    const name = field.displayName ?? field.name;
    if (every) return field.values.slice(0, limit ?? MOST).map((value, row) => ({ field, name, value, row }));
    return [{ field, name, value: reduce(calcs[0], field.values), row: field.values.length - 1 }];
  });
  return all.slice(0, MOST);
}

function chosen(field, wanted) {
  if (hiddenFrom(field, "viz")) return false;
  if (!wanted) return field.type === "number";
  const name = field.displayName ?? field.name;
  return /^\/.*\/\w*$/s.test(wanted) ? Boolean(patternOf(wanted)?.test(name)) : name === wanted;
}

function tile(context, { field, name, value, row }, alone) {
  const shown = context.format(field, value);
  const { textMode = "auto", colorMode = "value", justifyMode = "auto" } = context.panel.options ?? {};
  const named = textMode === "value_and_name" || textMode === "name" || (textMode === "auto" && !alone);
  const valued = textMode !== "name" && textMode !== "none";
  const filled = colorMode.startsWith("background");
  const body = el(
    "div",
    { class: `p-stat ${filled ? "p-stat-filled" : ""} ${justifyMode === "center" || alone ? "p-centre" : ""}` },
    el("p", { class: named ? "p-stat-name" : "sr" }, name),
    valued && number(context, shown, context.links?.(field, row)?.[0]),
  );
  return painted(body, shown.color, colorMode);
}

function number(context, { prefix = "", number: digits, suffix = "", text }, link) {
  const parts =
    digits === undefined ? [text] : [prefix && el("span", { class: "p-unit" }, prefix), digits, suffix && el("span", { class: "p-unit" }, suffix)];
  return el("p", { class: "p-stat-value" }, link ? anchor(link, {}, parts) : parts);
}

function painted(node, color, mode) {
  if (!color || mode === "none") return node;
  if (!mode.startsWith("background")) return styled(node, { "--c": color });
  return styled(node, { "--c": color, "--on": textOn(ink(color)) });
}

const TRIAL = 100;

const waiting = new Set();

/** Make each number as large as its tile allows, in the next frame; with those of all other panels that wait. */
function fit(box) {
  if (waiting.size === 0) requestAnimationFrame(fitAll);
  waiting.add(box);
}

/** Measured at a size, then scaled to what there is room for: all are laid out together, and not each for itself. */
function fitAll() {
  const tiles = [...waiting].flatMap((box) => [...box.querySelectorAll(".p-stat")]);
  waiting.clear();
  const values = tiles.map((node) => [node, node.querySelector(".p-stat-value")]).filter(([, value]) => value);
  // A tile is at least as high as what is in it: next to nothing, while it is measured how high it can be.
  for (const [, value] of values) styled(value, { "font-size": "1px" });
  const heights = values.map(([node]) => node.clientHeight - (node.querySelector(".p-stat-name")?.offsetHeight ?? 0));
  for (const [, value] of values) styled(value, { "font-size": `${TRIAL}px` });
  const sizes = values.map(([node, value], i) => {
    const widest = ((node.clientWidth - 16) / Math.max(value.offsetWidth, 1)) * TRIAL;
    return Math.max(11, Math.min(heights[i] * 0.62, widest, 120));
  });
  values.forEach(([, value], i) => styled(value, { "font-size": `${sizes[i]}px` }));
}

export function mount(host, context) {
  const box = el("div", { class: "p-stats" });
  replace(host, box);
  const stop = onResize(box, () => fit(box));
  function update(next) {
    const found = tiles(next.panel, next.frames);
    const shown = found.length ? found : [missing(next.panel)];
    box.setAttribute("aria-label", nameOf(next.panel));
    box.setAttribute("role", "group");
    const size = box.querySelector(".p-stat-value")?.style.fontSize;
    replace(box, shown.map((one) => tile(next, one, shown.length === 1)));
    // Until it is measured: the next frame may come after this one was seen.
    if (size) for (const value of box.querySelectorAll(".p-stat-value")) styled(value, { "font-size": size });
    fit(box);
  }
  update(context);
  return { update, destroy: () => (stop(), host.replaceChildren()) };
}

/** No field at all: the panel says what it says for a value that is missing. */
function missing({ title = "", fieldConfig }) {
  const config = { custom: {}, ...fieldConfig?.defaults };
  return { field: { name: title, displayName: title, type: "number", labels: {}, config, values: [] }, name: title, value: null, row: -1 };
}
