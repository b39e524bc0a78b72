// Annotations on a chart: a mark at the foot of each, with its text on pointing, on focus and for screen readers.

import { el } from "../dom.js";
import { isoLocal } from "../moments.js";
import { styled } from "./kit.js";

const MOST = 100;

/** What an annotation says, as lines of text. */
export function lines({ time, timeEnd, text, tags }) {
  const when = timeEnd > time ? `${isoLocal(time)} to ${isoLocal(timeEnd)}` : isoLocal(time);
  return [when, text, Array.isArray(tags) ? tags.join(", ") : tags].filter(Boolean).map(String);
}

/** Put the marks of the newest annotations into `layer`; `xOf(time)` is where, `tip` the chart's tooltip. */
export function annotationMarks(layer, context, xOf, tip) {
  const { from, to } = context.range;
  const within = (context.annotations ?? []).filter(({ time }) => time >= from && time <= to).slice(-MOST);
  layer.replaceChildren(...within.map((note) => mark(layer, note, xOf, tip)));
}

function mark(layer, note, xOf, tip) {
  const [when, ...said] = lines(note);
  const title = String(note.title || "Annotation");
  const show = () => tip.show({ title, notes: [when, ...said], rows: [], x: layer.offsetLeft + xOf(note.time), y: layer.offsetTop + layer.offsetHeight / 2 });
  const node = el("button", {
    type: "button",
    class: "p-mark",
    "aria-label": [title, when, ...said].join(". "),
    onpointerenter: show,
    onpointerleave: tip.hide,
    onfocus: show,
    onblur: tip.hide,
    onclick: show,
  });
  return styled(node, { left: `${xOf(note.time)}px`, "--c": note.color || "var(--accent)" });
}
