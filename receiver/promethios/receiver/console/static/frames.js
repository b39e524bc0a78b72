// Frames: tables of fields of the same length, the one shape that panels draw from.
//
//   {name, refId, length, fields: [{name, displayName, type, labels, config, values}]}
//   type is "time" (Unix ms), "number", "string", "boolean" or "other"; labels are {key: text}.

/** A field without configuration. */
export const makeField = (name, type, values, labels = {}) => ({ name, displayName: name, type, labels, config: {}, values });

/** A frame of fields, which must be equally long. */
export const makeFrame = (refId, fields, name = "") => ({ name, refId, length: fields[0]?.values.length ?? 0, fields });

const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * A long frame (a row for each time and label) as a wide one: one time field, and a number field for each number
 * and set of labels. Missing points are null; fields are sorted by name and labels, as Grafana does.
 * After `data.LongToWide` of https://github.com/grafana/grafana-plugin-sdk-go.
 */
export function longToWide(frame) {
  const time = frame.fields.find((field) => field.type === "time");
  const texts = frame.fields.filter((field) => field.type === "string" || field.type === "boolean");
  const numbers = frame.fields.filter((field) => field.type === "number");
  if (!time || numbers.length === 0) return frame;
  const axis = [...new Set(time.values)].sort((a, b) => a - b);
  const at = new Map(axis.map((moment, i) => [moment, i]));
  const wide = new Map();
  for (const field of numbers) {
    for (let row = 0; row < frame.length; row++) {
      const labels = texts.map((text) => [text.name, String(text.values[row] ?? "")]);
      const key = JSON.stringify([field.name, labels.map(([, value]) => value)]);
      let made = wide.get(key);
      if (!made) {
        made = { key, field: makeField(field.name, "number", new Array(axis.length).fill(null), Object.fromEntries(labels)) };
        wide.set(key, made);
      }
      made.field.values[at.get(time.values[row])] = field.values[row];
    }
  }
  const columns = [...wide.values()].sort((a, b) => order(a.key, b.key)).map(({ field }) => field);
  return makeFrame(frame.refId, [{ ...time, values: axis }, ...columns], frame.name);
}
