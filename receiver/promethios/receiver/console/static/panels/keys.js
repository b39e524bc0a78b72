// Keys that charts, timelines and heatmaps share, and the choice of a range.

/** The index that an arrow key, Home or End leads to from `at` (undefined: none yet) of `length`, else null. */
export function steps(event, at, length) {
  if (event.ctrlKey || event.metaKey || event.altKey || length === 0) return null;
  const by = event.shiftKey ? 10 : 1;
  const last = length - 1;
  const to = {
    ArrowRight: at === undefined ? 0 : Math.min(at + by, last),
    ArrowLeft: at === undefined ? last : Math.max(at - by, 0),
    Home: 0,
    End: last,
  }[event.key];
  return to ?? null;
}

/** Choose the range from `from` to `to` (Unix ms); at least a second, or there would be nothing in it. */
export const zoomTo = (context, from, to) => context.zoom?.(from, Math.max(to, from + 1000));
