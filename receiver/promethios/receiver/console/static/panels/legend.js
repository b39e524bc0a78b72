// A chart's legend: names with colours, calculations as a table, a press to look at one series alone.

import { el, replace } from "../dom.js";
import { anchor, hiddenFrom, styled } from "./kit.js";
import { calcName, reduce } from "./reduce.js";
import { NONE } from "../units.js";

/** The colour of a series as a small mark; never the only sign, the name is beside it. */
export const swatch = (color) => styled(el("span", { class: "p-swatch", "aria-hidden": "true" }), { "--c": color });

/**
 * Fill `host`. `series` are those of `gather`; `isolated` is a set of names (empty: all are shown);
 * `toggle(name, more)` is called for a press, `more` with the control key.
 */
export function legend(host, context, series, isolated, toggle) {
  const options = context.panel.options?.legend ?? {};
  const shown = sorted(series.filter(({ field }) => !hiddenFrom(field, "legend")), options);
  host.hidden = options.showLegend === false || !shown.length;
  if (host.hidden) return replace(host);
  const entries = shown.map((line) => ({ line, off: isolated.size > 0 && !isolated.has(line.name) }));
  const button = (entry) => [nameButton(entry, toggle), away(context, entry.line)];
  if (options.displayMode === "table") return replace(host, table(context, options.calcs ?? [], entries, button));
  return replace(host, el("ul", { class: "p-legend-list" }, entries.map((entry) => el("li", {}, button(entry)))));
}

function nameButton({ line, off }, toggle) {
  return el(
    "button",
    {
      type: "button",
      class: off ? "p-key p-off" : "p-key",
      "aria-pressed": String(!off),
      title: `${line.name}: press to see it alone, with Ctrl to see it too`,
      "data-focus": `key-${line.name}`,
      onclick: (event) => toggle(line.name, event.ctrlKey || event.metaKey),
    },
    swatch(line.color),
    el("span", { class: "p-key-name" }, line.name),
  );
}

/** The line's own link, as to its agent: a press on the name is taken already. */
function away(context, { field, name }) {
  const row = field.values.findLastIndex((value) => value !== null && value !== undefined);
  const [link] = row < 0 ? [] : (context.links?.(field, row) ?? []);
  return link && anchor(link, { class: "p-key-link", "aria-label": `${link.title}: ${name}` }, "↗");
}

function table(context, calcs, entries, button) {
  return el(
    "table",
    { class: "p-legend-table" },
    el("caption", { class: "sr" }, "Series"),
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        el("th", { scope: "col" }, el("span", { class: "sr" }, "Series")),
        calcs.map((id) => el("th", { scope: "col", class: "num" }, calcName(id))),
      ),
    ),
    el(
      "tbody",
      {},
      entries.map((entry) =>
        el(
          "tr",
          { class: entry.off ? "p-off" : undefined },
          el("th", { scope: "row" }, button(entry)),
          calcs.map((id) => el("td", { class: "num" }, figure(context, entry.line, id))),
        ),
      ),
    ),
  );
}

function figure(context, { field, values }, id) {
  const found = reduce(id, values);
  // What the panel says for no value is about the whole of it, not about one figure.
  if (found === null) return NONE;
  return id === "count" ? String(found) : context.format(field, found).text;
}

/** In the order of the panel, worst first; by a calculation when the panel asks for it. */
function sorted(series, { sortBy, sortDesc, calcs = [] }) {
  const id = calcs.find((calc) => calc === sortBy || calcName(calc) === sortBy);
  if (!id) return series;
  const way = sortDesc ? -1 : 1;
  return series.toSorted((a, b) => way * ((reduce(id, a.values) ?? -Infinity) - (reduce(id, b.values) ?? -Infinity)));
}

/** What a press does to the set of series that are looked at: alone, all again, or one more or less. */
export function pressed(isolated, name, more) {
  if (!more) return isolated.size === 1 && isolated.has(name) ? new Set() : new Set([name]);
  const next = new Set(isolated);
  if (!next.delete(name)) next.add(name);
  return next;
}
