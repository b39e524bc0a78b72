// Which module draws a panel of which type. A type that nobody draws is said, with its data as a table.
//
// A module has `mount(host, context) -> {update(context), destroy()}` and draws only from the context:
//   panel        the panel of the dashboard's JSON: type, title, options, fieldConfig
//   frames       what the queries gave (frames.js), with config and display names (fields.js)
//   range        {from, to} in Unix ms; interval: the queries' step in ms
//   theme        "dark" or "light"
//   format       (field, value) -> {text, prefix, number, suffix, color}: `text` is all of it, `color` CSS or null
//   links        (field, row) -> [{title, href, external}], ready for an anchor
//   annotations  [{time, timeEnd, title, text, color}]
//   hover        {on(fn) -> off, set(time or null)}: the crosshair that all charts of the dashboard share
//   zoom         (from, to): choose this range, as by dragging in a chart
//   navigate     (href): go to an address of the console
//   refresh      (): ask again

const LOADERS = new Map([
  ["barchart", () => import("./barchart.js")],
  ["heatmap", () => import("./heatmap.js")],
  ["logs", () => import("./logs.js")],
  ["stat", () => import("./stat.js")],
  ["state-timeline", () => import("./state-timeline.js")],
  ["table", () => import("./table.js")],
  ["timeseries", () => import("./timeseries.js")],
  ["traces", () => import("./traces.js")],
]);

/** The types that have a module. */
export const TYPES = [...LOADERS.keys()];

/** Load the module of a panel type; `{mount(host, context) -> {update(context), destroy()}}`. */
export function load(type) {
  return (LOADERS.get(type) ?? (() => import("./fallback.js")))();
}
