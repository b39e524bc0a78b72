// The two dialogs: where to go, and which keys there are. The browser keeps the focus inside and Escape closes.

import { el, replace } from "./dom.js";
import { roving } from "./popup.js";

function open(label, className, ...children) {
  const before = document.activeElement;
  const dialog = el("dialog", { class: className, "aria-label": label }, children);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before?.isConnected) before.focus({ preventScroll: true });
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

const entry = ({ title, detail, href }, close) =>
  el("a", { href, class: "entry", onclick: close }, el("strong", {}, title), el("span", { class: "dim" }, detail));

/**
 * Search among `places`, `[{title, detail, href}]`, and those that the promise `more` brings: type, move with the arrow
 * keys, Enter goes there. `leftOut` are dashboards that could not be read, `[{name, reason}]`.
 */
export function openSearch(places, more, leftOut = []) {
  let all = places;
  const input = el("input", { type: "search", "aria-label": "Search", placeholder: "Go to a dashboard or an agent …", spellcheck: "false" });
  const found = el("nav", { "aria-label": "Found" });
  const told = leftOut.length > 0 && el("p", { class: "small error" }, leftOut.map(({ name, reason }) => `${name}: ${reason}`).join(" · "));
  const dialog = open("Search", "search", input, found, told);
  const close = () => dialog.close();

  function draw() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ title, detail }) => words.every((word) => `${title} ${detail}`.toLowerCase().includes(word));
    const shown = all.filter(fits).slice(0, 30);
    replace(found, shown.length ? shown.map((place) => entry(place, close)) : el("p", { class: "dim" }, "Nothing has this name."));
  }
  input.addEventListener("input", draw);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") found.querySelector("a")?.click();
  });
  roving(dialog, "input, a");
  draw();
  input.focus();
  more.then((added) => {
    all = [...places, ...added];
    if (dialog.open) draw();
  });
}

/** Show the keys, `[[key, what it does]]`; `single` says whether they are on, and `onSingle(on)` switches them. */
export function openHelp(keys, single, onSingle) {
  const box = el("input", { type: "checkbox", onchange: () => onSingle(box.checked) });
  box.checked = single;
  const dialog = open(
    "Keys",
    "help",
    el("h2", {}, "Keys"),
    el("dl", {}, keys.map(([key, does]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, does)))),
    el("label", {}, box, "Use these keys"),
    el("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close"),
  );
}
