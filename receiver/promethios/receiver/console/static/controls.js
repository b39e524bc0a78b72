// What to show: time range, agents, how often to ask again. Plain form controls, so that keys work as ever.

import { el, replace } from "./dom.js";
import { RANGES } from "./state.js";

const REFRESH = [
  ["Off", 0],
  ["10 s", 10_000],
  ["30 s", 30_000],
  ["1 min", 60_000],
  ["5 min", 300_000],
];

/**
 * Controls in `host`. `on.range(name)`, `on.agents(list)`, `on.every(ms)` and `on.refresh()` are called;
 * `show(state)` and `known(agents)` keep them in step; `end()` lets go of the page.
 */
export function controls(host, on) {
  const life = new AbortController();
  const agents = agentPicker(on.agents, life.signal);
  const ranges = rangePicker(on.range);
  const every = el(
    "select",
    { id: "every", "aria-label": "Refresh every", onchange: () => on.every(Number(every.value)) },
    REFRESH.map(([text, ms]) => el("option", { value: ms, selected: ms === 30_000 }, text)),
  );
  const now = el(
    "button",
    { type: "button", class: "refresh", onclick: () => on.refresh() },
    el("span", { "aria-hidden": "true" }, "↻"),
    el("span", {}, "Refresh"),
  );
  replace(host, agents.node, ranges.node, el("div", { class: "joined" }, now, every));
  return {
    show(state) {
      ranges.show(state.range);
      agents.show(state.agents);
    },
    known: agents.known,
    end: () => life.abort(),
    busy: (busy) => now.classList.toggle("busy", busy),
  };
}

function rangePicker(choose) {
  const inputs = [...RANGES.keys()].map((name) =>
    el("input", {
      type: "radio",
      name: "range",
      value: name,
      id: `range-${name}`,
      onchange: () => choose(name),
    }),
  );
  const node = el(
    "fieldset",
    { class: "segments" },
    el("legend", { class: "sr" }, "Time range, up to now"),
    inputs.map((input) => [input, el("label", { for: input.id }, input.value)]),
  );
  return {
    node,
    show: (range) =>
      inputs.forEach((input) => {
        input.checked = input.value === range;
      }),
  };
}

function agentPicker(choose, signal) {
  let chosen = [];
  let names = [];
  const label = el("span", {});
  const list = el("div", { class: "menu-list" });
  const node = el("details", { class: "menu" }, el("summary", {}, "Agent: ", label), list);
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    node.open = false;
    node.querySelector("summary").focus();
  });
  document.addEventListener(
    "click",
    (event) => {
      if (!node.contains(event.target)) node.open = false;
    },
    { signal },
  );

  function draw() {
    label.textContent =
      chosen.length === 0 ? "all" : chosen.length === 1 ? chosen[0] : `${chosen.length} chosen`;
    const all = [...new Set([...names, ...chosen])].sort((a, b) => a.localeCompare(b));
    replace(
      list,
      option("All agents", "all", chosen.length === 0, () => choose([])),
      all.map((name) =>
        option(name, `agent ${name}`, chosen.includes(name), (checked) =>
          choose(checked ? [...chosen, name] : chosen.filter((other) => other !== name)),
        ),
      ),
    );
  }

  return {
    node,
    show(agents) {
      chosen = agents;
      draw();
    },
    known(agents) {
      if (agents.join("\n") === names.join("\n")) return;
      names = agents;
      draw();
    },
  };
}

function option(text, focus, checked, choose) {
  const box = el("input", { type: "checkbox", "data-focus": focus });
  box.checked = checked;
  box.addEventListener("change", () => choose(box.checked));
  return el("label", {}, box, el("span", {}, text));
}
