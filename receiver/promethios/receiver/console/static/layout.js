// Where panels go. A dashboard has 24 columns; narrow screens get fewer panels beside each other, in the same order.

const COLUMNS = 24;
const SMALL = 5;
const WIDE_FROM = 1000;
const PHONE_BELOW = 640;

/** Sections of a dashboard: the panels before the first row, then each row with its own. */
export function sections(panels) {
  const found = [{ row: null, panels: [] }];
  for (const panel of panels) {
    if (panel.type === "row") found.push({ row: panel, panels: [...(panel.panels ?? [])] });
    else found.at(-1).panels.push(panel);
  }
  return found.filter(({ row, panels: inside }) => row || inside.length);
}

/** "phone", "tablet" or "wide", for a width in pixels. */
export const sizeOf = (width) => (width < PHONE_BELOW ? "phone" : width < WIDE_FROM ? "tablet" : "wide");

/**
 * Cells of a section's panels, in their order: `[{panel, x, y, w, h}]` in 24 columns. Wide screens get what the
 * dashboard says; others get lines of equal cells, the small panels four (phone: two) and the rest two (one) to a line.
 */
export function place(panels, size) {
  const ordered = [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x);
  const top = Math.min(...ordered.map(({ gridPos }) => gridPos.y));
  if (size === "wide") return ordered.map((panel) => ({ panel, ...panel.gridPos, y: panel.gridPos.y - top }));
  return stacked(runs(ordered, size));
}

const most = (panel, size) => {
  if (panel.gridPos.w <= SMALL) return size === "phone" ? 2 : 4;
  return size === "phone" || panel.gridPos.w > 14 ? 1 : 2;
};

/** Neighbours that share a line: as many of one kind as go beside each other, spread evenly over their lines. */
function runs(panels, size) {
  const lines = [];
  for (let start = 0; start < panels.length; ) {
    const many = most(panels[start], size);
    let end = start;
    while (end < panels.length && most(panels[end], size) === many) end += 1;
    const alike = panels.slice(start, end);
    const rows = Math.ceil(alike.length / many);
    for (let i = 0; i < rows; i++) {
      lines.push(alike.slice(Math.floor((i * alike.length) / rows), Math.floor(((i + 1) * alike.length) / rows)));
    }
    start = end;
  }
  return lines;
}

function stacked(lines) {
  let y = 0;
  return lines.flatMap((line) => {
    const h = Math.max(...line.map(({ gridPos }) => gridPos.h));
    const cells = line.map((panel, i) => {
      const x = Math.round((i * COLUMNS) / line.length);
      return { panel, x, y, w: Math.round(((i + 1) * COLUMNS) / line.length) - x, h };
    });
    y += h;
    return cells;
  });
}
