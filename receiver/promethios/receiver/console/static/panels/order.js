// Which rows of a frame a table shows, and in what order. Indexes only: the frame stays as it is.

/** Compare two values of a column: numbers and times by size, the rest as text in which numbers count. */
function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return words.compare(String(a), String(b));
}

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const missing = (value) => value === null || value === undefined || value === "" || Number.isNaN(value);

/** Row numbers sorted by a field, "ascending" or "descending"; what is missing is last both ways. */
export function sorted(rows, values, way) {
  const sign = way === "descending" ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [left, right] = [values[a], values[b]];
    if (missing(left) || missing(right)) return Number(missing(left)) - Number(missing(right)) || a - b;
    return sign * compare(left, right) || a - b;
  });
}

/** The numbers of the rows in which each filter (a Map from column to text) is in the column's text. */
export function filtered(length, filters, text) {
  const wanted = [...filters].filter(([, part]) => part !== "").map(([column, part]) => [column, part.toLowerCase()]);
  const rows = Array.from({ length }, (_, row) => row);
  if (!wanted.length) return rows;
  return rows.filter((row) => wanted.every(([column, part]) => text(column, row).toLowerCase().includes(part)));
}

/** What a press on a heading does: up, down, as it came. */
export const turned = (way) => ({ ascending: "descending", descending: undefined })[way] ?? (way ? undefined : "ascending");
