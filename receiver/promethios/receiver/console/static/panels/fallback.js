// A panel of a type that the console does not draw: says so, and how many rows there are.

import { el, replace } from "../dom.js";

export function mount(host, context) {
  function update({ panel, frames }) {
    const rows = frames.reduce((sum, frame) => sum + frame.length, 0);
    replace(host, el("p", { class: "empty" }, `The console does not draw "${panel.type}" panels (${rows} rows). Choose "As table" in the panel's menu.`));
  }
  update(context);
  return { update, destroy: () => host.replaceChildren() };
}
