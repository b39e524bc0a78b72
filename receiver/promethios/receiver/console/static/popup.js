// Something that opens beside a button: in the browser's top layer, closed by Escape, by a click elsewhere, and by
// leaving it with the keyboard. The focus goes in when it opens and back when it closes.

import { el } from "./dom.js";

function beside(button, node) {
  const at = button.getBoundingClientRect();
  const { width, height } = node.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, window.innerWidth - width - 8, Math.max(8, at.right - width / 4)));
  const under = at.bottom + 4;
  const top = under + height > window.innerHeight - 8 && at.top - height > 8 ? at.top - 4 - height : under;
  node.style.setProperty("left", `${left}px`);
  node.style.setProperty("top", `${top}px`);
  node.style.setProperty("max-height", `${Math.max(160, window.innerHeight - top - 8)}px`);
}

/**
 * Let `button` open a popup that `fill(node, close)` makes anew at each opening. `role` is the popup's,
 * `label` its name; `closed()` is called when it is gone.
 */
export function popup(button, { label, role = "dialog", className = "", fill, closed = () => {} }) {
  let node = null;

  function close(refocus = true) {
    if (!node) return;
    const gone = node;
    node = null;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    gone.remove();
    if (refocus && button.isConnected) button.focus({ preventScroll: true });
    closed();
  }

  function outside(event) {
    if (!node.contains(event.target) && !button.contains(event.target)) close(false);
  }

  function open() {
    node = el("div", { class: `popup ${className}`, popover: "manual", role, "aria-label": label });
    button.after(node);
    fill(node, close);
    node.showPopover();
    beside(button, node);
    button.setAttribute("aria-expanded", "true");
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    });
    node.addEventListener("focusout", (event) => {
      if (event.relatedTarget && node && !node.contains(event.relatedTarget) && event.relatedTarget !== button) close(false);
    });
    document.addEventListener("pointerdown", outside, true);
    (node.querySelector("[data-first]") ?? node.querySelector("button, a, input"))?.focus({ preventScroll: true });
  }

  button.setAttribute("aria-haspopup", role === "menu" ? "menu" : "dialog");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => (node ? close() : open()));
  return { close, moved: () => node && beside(button, node) };
}

/** Let the arrow keys, Home and End move the focus through the items of a list. */
export function roving(host, selector) {
  host.addEventListener("keydown", (event) => {
    const items = [...host.querySelectorAll(selector)].filter((item) => item.offsetParent !== null);
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined || items.length === 0 || (at < 0 && ["Home", "End"].includes(event.key))) return;
    event.preventDefault();
    items[(to + items.length) % items.length].focus();
  });
}
