// The values of a chart as a table, for those who do not see it: hidden until its button has the focus.

import { el, replace } from "../dom.js";
import { isoLocal } from "../moments.js";

const MOST = 500;

/** A button that shows and hides the table of what `current()` gives: `{times, series, format}`. */
export function valuesTable(name, current) {
  const body = el("div", { class: "p-values-body", tabindex: 0, role: "region", "aria-label": `${name}: values`, hidden: true });
  const button = el("button", { type: "button", class: "p-values-button", "aria-expanded": "false" }, "Values as a table");
  button.addEventListener("click", () => {
    body.hidden = !body.hidden;
    button.setAttribute("aria-expanded", String(!body.hidden));
    replace(body, !body.hidden && table(name, current()));
  });
  return el("div", { class: "p-values" }, button, body);
}

function table(name, { times, series, format }) {
  const first = Math.max(0, times.length - MOST);
  const order = times.map((_, i) => i).slice(first).toReversed();
  return el(
    "table",
    {},
    el("caption", {}, first ? `${name}: the newest ${MOST} of ${times.length} times` : `${name}: newest first`),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Time"), series.map((line) => el("th", { scope: "col" }, line.name)))),
    el(
      "tbody",
      {},
      order.map((i) =>
        el("tr", {}, el("th", { scope: "row" }, isoLocal(times[i])), series.map((line) => el("td", {}, format(line.field, line.values[i] ?? null).text))),
      ),
    ),
  );
}
