// The console's signs, drawn as strokes of a 16 × 16 square. They say nothing that is not also in words.

import { svg } from "./dom.js";

const PATHS = {
  search: "M7 2.5a4.500 4.500 0 1 1 0 9a4.500 4.500 0 0 1 0-9M10.300 10.300L13.500 13.500",
  clock: "M8 2a6 6 0 1 1 0 12a6 6 0 0 1 0-12M8 4.800V8l2.300 1.500",
  refresh: "M13 8a5 5 0 1 1-1.500-3.600M13 2v2.800h-2.800",
  out: "M7 2.500a4.500 4.500 0 1 1 0 9a4.500 4.500 0 0 1 0-9M10.300 10.300L13.500 13.500M5 7h4",
  earlier: "M8.500 4L4.500 8l4 4M12.500 4L8.500 8l4 4",
  later: "M3.500 4l4 4l-4 4M7.500 4l4 4l-4 4",
  down: "M4.500 6.500L8 10l3.500-3.500",
  more: "M8 3.200v.1M8 8v.1M8 12.800v.1",
  dark: "M13 9.500A5.500 5.500 0 1 1 6.500 3A4.500 4.500 0 0 0 13 9.500",
  light: "M8 5a3 3 0 1 1 0 6a3 3 0 0 1 0-6M8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M12.600 3.400l-.7.7M4.100 11.900l-.7.7",
  system: "M2.500 3.500h11v7.500h-11zM6 13.500h4M8 11v2.500",
  help: "M6 6.200a2 2 0 1 1 2.900 1.800c-.6.3-.9.8-.9 1.400M8 12v.1",
  leave: "M9.500 2.500h3.500v11h-3.500M10 8H3M5.500 5.500L3 8l2.500 2.500",
  back: "M7 3.500L2.500 8L7 12.500M3 8h10.500",
  close: "M4 4l8 8M12 4l-8 8",
  view: "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
  table: "M2.500 3h11v10h-11zM2.500 6.300h11M2.500 9.600h11M6.500 3v10",
  file: "M8 2.500v8M4.800 7.500L8 10.700l3.200-3.200M3 13.500h10",
  away: "M6.500 3.500h-3v9h9v-3M9 3h4v4M13 3L7.500 8.500",
};

/** A sign by its name, for beside or inside a control that has a name in words. */
export const icon = (name) =>
  svg("svg", { class: "sign", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
