// Spans as a tree, in the order to show them. Telemetry is not always whole: a span whose parent is missing
// is a root, and so is one that only a ring of parents would reach.

/** Returns `{span, depth, children}` rows, parents before children, siblings by start. */
export function flatten(spans) {
  const known = new Set(spans.map((span) => span.spanID));
  const children = new Map();
  const roots = [];
  for (const span of [...spans].sort((a, b) => a.startTime - b.startTime)) {
    const parent = span.parentSpanID;
    if (!parent || !known.has(parent) || parent === span.spanID) roots.push(span);
    else if (children.has(parent)) children.get(parent).push(span);
    else children.set(parent, [span]);
  }
  const rows = [];
  const seen = new Set();
  const walk = (first) => {
    const stack = [[first, 0]];
    while (stack.length) {
      const [span, depth] = stack.pop();
      if (seen.has(span.spanID)) continue;
      seen.add(span.spanID);
      const below = children.get(span.spanID) ?? [];
      rows.push({ span, depth, children: below.length });
      for (const child of below.toReversed()) stack.push([child, depth + 1]);
    }
  };
  roots.forEach(walk);
  spans.filter((span) => !seen.has(span.spanID)).forEach((span) => seen.has(span.spanID) || walk(span));
  return rows;
}
