// What can be done with a panel: look at it alone, as a table, take its data along.

import { addressOf } from "./api.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { popup, roving } from "./popup.js";

const item = (sign, text, key, act) =>
  el("button", { type: "button", role: "menuitem", tabindex: -1, onclick: act }, icon(sign), el("span", {}, text), key && el("kbd", {}, key));

const file = ({ path, params }, name, format, close) =>
  el(
    "a",
    { role: "menuitem", tabindex: -1, download: `${name}.${format}`, href: addressOf(path, [...params, ["format", format]]), onclick: () => close(false) },
    icon("file"),
    el("span", {}, `Download ${format.toUpperCase()}`),
  );

/**
 * The button of a panel's menu. `state()` says what holds now: `{title, alone, asTable, questions}`; `on.view()` and
 * `on.table()` switch. The files come from the receiver, which streams them: the page does not hold them.
 */
export function panelMenu(state, on) {
  const button = el("button", { type: "button", class: "icon menu-button", "aria-label": `Menu of ${state().title}` }, icon("more"));
  popup(button, {
    label: "Panel menu",
    role: "menu",
    className: "menu",
    fill(node, close) {
      const { title, alone, asTable, questions } = state();
      const act = (what) => () => {
        close();
        what();
      };
      const name = title.replace(/[^\w.-]+/g, "-").slice(0, 80);
      node.append(
        item(alone ? "back" : "view", alone ? "Back to the dashboard" : "View alone", "v", act(on.view)),
        item("table", asTable ? "As before" : "As table", null, act(on.table)),
        ...questions.flatMap((question) => [file(question, name, "csv", close), file(question, name, "ndjson", close)]),
      );
      node.firstElementChild.setAttribute("data-first", "");
      roving(node, "[role=menuitem]");
    },
  });
  return button;
}
