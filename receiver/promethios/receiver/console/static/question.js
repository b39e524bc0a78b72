// What a panel asks: its targets filled in, answered, made into frames, configured.

import { applyFieldConfig } from "./fields.js";
import { frameOf, questionOf } from "./infinity.js";
import { stepFor } from "./interval.js";
import { transform } from "./transformations.js";
import { lookup } from "./variables.js";

const POINTS_PER_PIXEL = 0.5;

/** How texts of a panel are filled in at a moment of its dashboard, and the step of its queries. */
export function fillIn(panel, moment, width) {
  const points = panel.maxDataPoints ?? Math.max(60, Math.round(width * POINTS_PER_PIXEL));
  const interval = stepFor(moment.range, points, panel.interval);
  return { interval, look: lookup({ ...moment, interval }) };
}

const targetsOf = (panel) => (panel.targets ?? []).filter((target) => !target.hide);

/** The questions of a panel's targets: `[{path, params}]`. */
export const questionsOf = (panel, look) => targetsOf(panel).map((target) => questionOf(target, look));

/** Ask all targets of a panel; gives their frames, transformed, without configuration. */
export async function framesOf(panel, look, client, signal) {
  const frames = await Promise.all(
    targetsOf(panel).map(async (target) => {
      const { path, params } = questionOf(target, look);
      return frameOf(target, await client.get(path, params, signal), look);
    }),
  );
  return transform(frames, panel.transformations);
}

/** Frames as a panel shows them. */
export const configured = (panel, frames, look, theme) => applyFieldConfig(frames, panel.fieldConfig, { lookup: look, theme });

/** Whether there is nothing to draw. */
export const isEmpty = (frames) => frames.every(({ length }) => length === 0);
