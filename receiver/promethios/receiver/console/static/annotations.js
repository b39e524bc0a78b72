// What happened, drawn over the charts: policy versions, alerts. Asked with the panels, as the dashboard says.

import { shown } from "./colors.js";
import { frameOf, questionOf } from "./infinity.js";

const named = (frame, name) => frame.fields.find((field) => field.name.toLowerCase() === name)?.values;

/** The annotations of a frame: a row each, with the fields that Grafana knows by name. */
export function annotationsOf(frame, color) {
  const [time, end, title, text] = ["time", "timeend", "title", "text"].map((name) => named(frame, name));
  return (time ?? []).flatMap((at, row) =>
    at === null ? [] : [{ time: at, timeEnd: end?.[row] || at, title: title?.[row] ?? "", text: text?.[row] ?? "", color }],
  );
}

/** Ask all annotations of a dashboard; one that fails is left out: charts are worth showing without it. */
export async function ask(dashboard, look, client, signal, theme) {
  const asked = (dashboard.annotations?.list ?? []).filter(({ enable, target }) => enable && target?.url);
  const answers = await Promise.allSettled(
    asked.map(async ({ target, iconColor }) => {
      const { path, params } = questionOf(target, look);
      return annotationsOf(frameOf(target, await client.get(path, params, signal), look), shown(iconColor, theme) ?? "var(--accent)");
    }),
  );
  return answers.flatMap(({ value }) => value ?? []);
}
