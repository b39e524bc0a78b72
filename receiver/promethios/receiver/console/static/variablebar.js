// The variables of a dashboard as controls: a picker with a search box, a text box. What is chosen goes to the address.

import { el, replace } from "./dom.js";
import { icon } from "./icons.js";
import { popup, roving } from "./popup.js";
import { ALL } from "./variables.js";

const MOST = 500;

const labelOf = ({ label, name }) => label || name;

function summary(values) {
  if (values.length === 0) return "none";
  if (values[0] === ALL) return "All";
  return values.length === 1 ? values[0] : `${values[0]} +${values.length - 1}`;
}

/** `on.choose(name, values)` is called with what is chosen; `on.options(definition)` gives a promise of a list. */
function picker(definition, values, on) {
  const label = labelOf(definition);
  const shown = el("span", { class: "value" }, summary(values));
  const button = el(
    "button",
    { type: "button", class: "variable", title: definition.description, data: { focus: `var-${definition.name}` } },
    el("span", { class: "dim" }, label),
    shown,
    icon("down"),
  );
  // What is chosen counts when the picker closes: a click for each of five agents is one question, not five.
  let chosen = null;
  popup(button, {
    label,
    className: "picker",
    fill(node, close) {
      chosen = new Choice(definition, values);
      fillPicker(node, close, definition, chosen, on);
    },
    closed: () => chosen.changed() && on.choose(definition.name, chosen.values()),
  });
  return button;
}

/** What is ticked while a picker is open. */
class Choice {
  constructor(definition, values) {
    this.definition = definition;
    this.before = values;
    this.list = values[0] === ALL ? [] : [...values];
  }

  toggle(option, only) {
    const without = this.list.filter((one) => one !== option);
    if (only || !this.definition.multi) this.list = [option];
    else this.list = without.length < this.list.length ? without : [...this.list, option];
  }

  values = () => (this.list.length ? this.list : [this.definition.includeAll ? ALL : ""]);
  changed = () => JSON.stringify(this.values()) !== JSON.stringify(this.before);
}

async function fillPicker(node, close, definition, chosen, on) {
  let options = [];
  let known = false;
  const search = el("input", { type: "search", "aria-label": `Search ${labelOf(definition)}`, placeholder: "Search …", spellcheck: "false", "data-first": true });
  const items = el("div", { class: "options", role: "group", "aria-label": labelOf(definition) });
  const count = el("p", { class: "dim small", role: "status" }, "Loading …");
  node.append(search, items, count);

  const every = () => [...new Set([...chosen.list, ...options])];
  const fits = (option) => option.toLowerCase().includes(search.value.trim().toLowerCase());
  const act = (change) => {
    change();
    if (definition.multi) draw();
    else close();
  };

  function draw() {
    const found = every().filter(fits);
    const none = () => {
      chosen.list = [];
    };
    const all = definition.includeAll && !search.value.trim() && row("All", ALL, chosen.list.length === 0, () => act(none));
    const rows = found.slice(0, MOST).map((one) => row(one, one, chosen.list.includes(one), () => act(() => chosen.toggle(one))));
    replace(items, all, rows);
    count.textContent = told(found.length);
  }

  function told(many) {
    if (!known) return "Loading …";
    if (many > MOST) return `${many} found: search for fewer`;
    return many ? "" : search.value.trim() ? "Nothing found" : "Nothing known yet";
  }

  function row(text, focus, checked, onchange) {
    const box = el("input", { type: definition.multi ? "checkbox" : "radio", name: `var-${definition.name}`, data: { focus }, onchange });
    box.checked = checked;
    return el("label", {}, box, el("span", {}, text));
  }

  search.addEventListener("input", draw);
  search.addEventListener("keydown", (event) => {
    const first = search.value.trim() ? every().find(fits) : undefined;
    if (event.key !== "Enter" || first === undefined) return;
    chosen.toggle(first, true);
    close();
  });
  roving(node, "input");
  draw();
  try {
    options = await on.options(definition);
    known = true;
    draw();
  } catch (failure) {
    count.textContent = failure.message;
  }
}

function textBox(definition, values, on) {
  const id = `var-${definition.name}`;
  const told = { placeholder: definition.description, title: definition.description };
  const plain = { type: "text", spellcheck: "false", autocomplete: "off" };
  const input = el("input", { id, value: values[0] ?? "", ...plain, ...told, data: { focus: id } });
  const send = () => input.value.trim() !== (values[0] ?? "") && on.choose(definition.name, [input.value.trim()]);
  return el(
    "form",
    {
      class: "variable text",
      onsubmit: (event) => {
        event.preventDefault();
        send();
      },
    },
    el("label", { for: id, class: "dim" }, labelOf(definition)),
    input,
  );
}

const CONTROLS = { query: picker, custom: picker, textbox: textBox };

/** Draw the controls of `definitions` in `host`; those that are hidden, or leave no choice here, have none. */
export function variableBar(host, definitions, values, on) {
  const shown = definitions.filter(({ type, hide }) => CONTROLS[type] && hide !== 2);
  replace(host, shown.map((definition) => CONTROLS[definition.type](definition, values.get(definition.name), on)));
  host.hidden = shown.length === 0;
}
