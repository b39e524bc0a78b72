// Liveness as a state timeline: a row for each agent, a stretch for each state. The state is also in the
// height of the stretch, so that it does not need colour.

import { moveCursor, onCursor } from "./cursor.js";
import { el, replace, svg } from "./dom.js";
import { days, hours, moment, span } from "./format.js";
import { timeTicks } from "./scale.js";
import { colorOf } from "./words.js";

const ROW = 24;
const NAMES = new Map([
  [2, "live"],
  [1, "stale"],
  [0, "down"],
]);
const HEIGHTS = { live: 14, stale: 8, down: 3 };

/** A timeline in `host`; `draw({times, series, step})` shows states 2, 1, 0 for each series' name. */
export function timeline(host) {
  const names = el("div", { class: "tl-names" });
  const strips = el("div", { class: "tl-strips" });
  const rule = el("div", { class: "tl-rule", hidden: true });
  replace(host, el("div", { class: "timeline" }, names, strips), legend());
  let shown = null;

  function paint() {
    const width = strips.clientWidth;
    if (!shown || !width) return;
    const end = shown.times.length ? shown.times[0] + shown.step * shown.times.length : 0;
    replace(
      strips,
      shown.series.map((s) => strip(s, shown, width)),
      axis(shown.times[0], end, width),
      rule,
    );
  }

  const timeAt = (event) => {
    const box = strips.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    return shown.times[Math.min(shown.times.length - 1, Math.max(0, Math.floor(share * shown.times.length)))];
  };
  strips.addEventListener("pointermove", (event) => shown?.times.length && moveCursor(timeAt(event)));
  strips.addEventListener("pointerleave", () => moveCursor(null));
  onCursor((time) => {
    const inside =
      shown?.times.length &&
      time !== null &&
      time >= shown.times[0] &&
      time < shown.times[0] + shown.step * shown.times.length;
    rule.hidden = !inside;
    if (inside)
      rule.style.setProperty(
        "left",
        `${((time - shown.times[0] + shown.step / 2) / (shown.step * shown.times.length)) * 100}%`,
      );
  });
  new ResizeObserver(paint).observe(strips);

  return {
    draw(data) {
      shown = data;
      replace(
        names,
        data.series.map((s) => el("div", { class: "tl-name", title: s.name }, s.name)),
      );
      paint();
    },
  };
}

/** Neighbours with the same state, as one stretch: [state, first index, length]. */
function stretches(values) {
  const found = [];
  values.forEach((value, i) => {
    const last = found[found.length - 1];
    if (last && last[0] === value) last[2] += 1;
    else found.push([value, i, 1]);
  });
  return found;
}

function strip({ name, values }, { times, step }, width) {
  const slot = width / Math.max(1, values.length);
  const told = [];
  const parts = stretches(values).map(([value, first, length]) => {
    const word = NAMES.get(value);
    if (!word) return null;
    const text = `${word} from ${moment(times[first])} for ${span(length * step)}`;
    told.push(text);
    const h = HEIGHTS[word];
    return svg(
      "rect",
      {
        class: `fill ${colorOf(word)}`,
        x: first * slot,
        y: (ROW - h) / 2,
        width: Math.max(1, length * slot - 1),
        height: h,
        rx: 2,
      },
      svg("title", {}, text),
    );
  });
  const label = `${name}: ${told.slice(-6).join("; ") || "nothing known"}`;
  return svg("svg", { width, height: ROW, role: "img", "aria-label": label }, parts);
}

function axis(from, to, width) {
  if (!to) return null;
  const { times, daily } = timeTicks(from, to, Math.max(2, Math.floor(width / 70)));
  const at = (time) => ((time - from) / (to - from)) * width;
  return svg(
    "svg",
    { width, height: 18, "aria-hidden": "true" },
    times.map((time) =>
      svg(
        "text",
        { class: "tick", x: at(time), y: 13, "text-anchor": "middle" },
        daily ? days(time) : hours(time),
      ),
    ),
  );
}

function legend() {
  return el(
    "p",
    { class: "tl-legend dim small" },
    ["live", "stale", "down"].map((word) =>
      el(
        "span",
        {},
        svg(
          "svg",
          { width: 16, height: 14, "aria-hidden": "true" },
          svg("rect", {
            class: `fill ${colorOf(word)}`,
            x: 0,
            y: (14 - HEIGHTS[word]) / 2,
            width: 16,
            height: HEIGHTS[word],
            rx: 2,
          }),
        ),
        word,
      ),
    ),
  );
}
