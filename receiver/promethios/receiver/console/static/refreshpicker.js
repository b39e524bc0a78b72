// How often the dashboard asks again, and the sign that says whether events come as they happen.

import { el, replace } from "./dom.js";
import { icon } from "./icons.js";

const CHOICES = ["5s", "10s", "30s", "1m", "5m", "15m", "1h"];

const SIGNS = {
  live: ["Live", "What happens is shown as it happens"],
  polling: ["Polling", "Events do not come; the receiver is asked at intervals"],
  paused: ["Paused", "Refresh is off: press refresh, or choose how often"],
  past: ["Past", "The range does not end now, so nothing new can appear"],
};

/** Controls in `host`: `on.refresh()` and `on.every(text)` are called. Gives `show(refresh)`, `busy(yes)`, `state(word)`. */
export function refreshPicker(host, on) {
  const sign = el("span", { class: "live", role: "status" });
  const now = el("button", { type: "button", class: "refresh", onclick: on.refresh, "aria-label": "Refresh", title: "Refresh (r)" }, icon("refresh"));
  const every = el("select", { "aria-label": "Refresh every", onchange: () => on.every(every.value) });
  replace(host, sign, el("div", { class: "joined" }, now, every));
  return {
    show(refresh) {
      const known = CHOICES.includes(refresh) || refresh === "" ? CHOICES : [refresh, ...CHOICES];
      replace(every, el("option", { value: "" }, "Off"), known.map((choice) => el("option", { value: choice }, choice)));
      every.value = refresh;
    },
    busy: (yes) => now.classList.toggle("turning", yes),
    state(word) {
      const [text, title] = SIGNS[word];
      if (sign.dataset.state === word) return;
      sign.dataset.state = word;
      sign.title = title;
      replace(sign, el("span", { class: "dot", "aria-hidden": "true" }), text);
    },
  };
}
