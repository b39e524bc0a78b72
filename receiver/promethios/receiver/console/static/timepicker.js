// The time range: presets, from and to, earlier, later, wider.

import { el, replace } from "./dom.js";
import { icon } from "./icons.js";
import { popup, roving } from "./popup.js";
import { PRESETS, describe, isRange, localInput, resolve, shift, zoomOut } from "./timerange.js";

const same = (a, b) => a.from === b.from && a.to === b.to;

function presets(range, choose) {
  return el(
    "div",
    { class: "presets", role: "group", "aria-label": "Up to now" },
    PRESETS.map((preset) =>
      el(
        "button",
        { type: "button", class: "option", "aria-pressed": String(same(preset, range)), "data-first": same(preset, range), onclick: () => choose(preset) },
        describe(preset),
      ),
    ),
  );
}

function absolute(range, choose) {
  const { from, to } = resolve(range, Date.now());
  const input = (id, time) => el("input", { id, type: "datetime-local", step: 1, value: localInput(time), required: true });
  const [start, end] = [input("range-from", from), input("range-to", to)];
  const error = el("p", { class: "error", role: "alert" });
  const submit = (event) => {
    event.preventDefault();
    const chosen = { from: String(Date.parse(start.value)), to: String(Date.parse(end.value)) };
    if (isRange(chosen)) return choose(chosen);
    error.textContent = "The end must be after the start, and at most ten years.";
  };
  return el(
    "form",
    { class: "absolute", onsubmit: submit },
    el("label", { for: start.id }, "From"),
    start,
    el("label", { for: end.id }, "To"),
    end,
    error,
    el("button", { type: "submit", class: "primary" }, "Apply"),
    el("p", { class: "dim small" }, `Times are in ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`),
  );
}

/** Controls in `host` for a range; `choose(range)` is called with another one. Gives `show(range)`. */
export function timePicker(host, choose) {
  let range = null;
  const text = el("span", {});
  const main = el("button", { type: "button", class: "range-button", data: { focus: "range" } }, icon("clock"), text, icon("down"));
  const step = (sign, label, change) =>
    el("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick: () => choose(change()) }, icon(sign));
  replace(
    host,
    step("earlier", "Earlier", () => shift(range, -1, Date.now())),
    main,
    step("later", "Later", () => shift(range, 1, Date.now())),
    step("out", "Zoom out", () => zoomOut(range, Date.now())),
  );
  popup(main, {
    label: "Time range",
    className: "range-popup",
    fill(node, close) {
      const chosen = (next) => {
        close();
        choose(next);
      };
      node.append(absolute(range, chosen), presets(range, chosen));
      roving(node, ".option");
    },
  });
  return {
    show(next) {
      range = next;
      text.textContent = describe(next);
      main.setAttribute("aria-label", `Time range: ${describe(next)}`);
    },
  };
}
