// Single keys. They can be switched off, because who speaks to the computer presses keys unawares (WCAG 2.1.4).

import { openHelp } from "./dialogs.js";

const KEPT = "promethios-keys";

function stored() {
  try {
    return window.localStorage.getItem(KEPT) !== "off";
  } catch {
    return true; // Storage can be switched off.
  }
}

let on = stored();

function keep(next) {
  on = next;
  try {
    window.localStorage.setItem(KEPT, next ? "on" : "off");
  } catch {
    // Then it holds until the page is closed.
  }
}

const typing = (node) => node.closest?.("input, select, textarea, [contenteditable], dialog, [popover]");

/** Let `actions`, `{key: [what it does, function]}`, happen at their keys, except where text is typed. */
export function listen(actions) {
  const help = () => openHelp([["?", "These keys"], ...Object.entries(actions).map(([key, [does]]) => [key, does])], on, keep);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = event.key === "?" ? help : Object.hasOwn(actions, event.key) ? actions[event.key][1] : null;
    if (!act || (!on && event.key !== "Escape" && event.key !== "?")) return;
    if (act() !== false) event.preventDefault();
  });
  return { help };
}
