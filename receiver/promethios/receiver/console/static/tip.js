// A short explanation, shown while its button is pointed at, focused or pressed. Escape hides it.

import { el } from "./dom.js";

let made = 0;

/** A button "i" that explains; `name` is what it explains. */
export function tip(name, text) {
  const id = `tip-${(made += 1)}`;
  const note = el("span", { id, class: "tip", role: "tooltip", popover: "manual" }, text);
  const button = el("button", { type: "button", class: "icon info", "aria-label": `About ${name}`, "aria-describedby": id }, "i");

  function show() {
    if (note.matches(":popover-open")) return;
    note.showPopover();
    const at = button.getBoundingClientRect();
    const { width, height } = note.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left - 12, window.innerWidth - width - 8));
    const top = at.bottom + 6 + height > window.innerHeight ? at.top - 6 - height : at.bottom + 6;
    note.style.setProperty("left", `${left}px`);
    note.style.setProperty("top", `${top}px`);
  }
  const hide = () => note.isConnected && note.matches(":popover-open") && note.hidePopover();

  for (const kind of ["pointerenter", "focus", "click"]) button.addEventListener(kind, show);
  for (const kind of ["pointerleave", "blur"]) button.addEventListener(kind, hide);
  button.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  return el("span", { class: "tipped" }, button, note);
}
