// Tables of rows: a caption for screen readers, numbers on the right, cards where it is too narrow for rows.

import { el } from "./dom.js";

/**
 * @param caption what the table is, for those who do not see the heading
 * @param columns `{head, cell(row) -> text or node, num?, wide?, row?}`; `row` marks the row's heading
 * @param rows the rows; `empty` is the text when there are none
 */
export function table(caption, columns, rows, empty) {
  if (!rows.length) return el("p", { class: "empty" }, empty);
  // Roles are said outright: as cards the elements are no longer laid out as a table.
  return el(
    "div",
    {
      class: "scroll",
      tabindex: 0,
      role: "region",
      "aria-label": `${caption}, table`,
      "data-focus": "table",
    },
    el(
      "table",
      { class: "rows", role: "table" },
      el("caption", { class: "sr" }, caption),
      el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, columns.map(heading))),
      el(
        "tbody",
        { role: "rowgroup" },
        rows.map((row) =>
          el(
            "tr",
            { role: "row" },
            columns.map((column) => cell(column, row)),
          ),
        ),
      ),
    ),
  );
}

const heading = ({ head, num }) =>
  el("th", { scope: "col", role: "columnheader", class: num && "num" }, head);

function cell({ head, cell: show, num, wide, row: isHeading }, row) {
  const props = {
    class: [num && "num", wide && "wide"].filter(Boolean).join(" ") || undefined,
    "data-head": head,
  };
  const content = show(row);
  return isHeading
    ? el("th", { ...props, scope: "row", role: "rowheader" }, content)
    : el("td", { ...props, role: "cell" }, content);
}
