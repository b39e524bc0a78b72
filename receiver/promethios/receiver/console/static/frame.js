// What every panel has around its content.

import { el } from "./dom.js";

/** The frame of a panel: a heading, a hint, a body, and a line for what went wrong. */
export function frame(title, size, body = el("div", { class: "body" })) {
  const hint = el("span", { class: "hint dim" });
  const error = el("p", { class: "error", role: "status" });
  const node = el(
    "div",
    { class: `panel ${size}`, "aria-busy": "true" },
    el("header", {}, el("h3", {}, title), hint),
    error,
    body,
  );
  let last = null;
  return {
    node,
    body,
    hint,
    /** Draw only what changed: a table that is drawn anew loses its scroll position and selection. */
    settle(answer, draw) {
      node.removeAttribute("aria-busy");
      node.classList.remove("stale");
      error.textContent = "";
      const text = JSON.stringify(answer);
      if (text !== last) draw();
      last = text;
    },
    fail(message) {
      node.removeAttribute("aria-busy");
      node.classList.add("stale");
      error.textContent = message;
    },
  };
}
