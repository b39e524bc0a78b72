// Which fields an override is for.

/** "/pattern/flags" or a bare pattern as a RegExp; null when it is none. */
export function patternOf(text) {
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(String(text));
  try {
    return parts ? new RegExp(parts[1], parts[2].replace("g", "")) : new RegExp(`^${text}$`);
  } catch {
    return null;
  }
}

const names = (field) => [field.name, field.displayName, field.plainName];

const MATCHERS = {
  byName: (field, wanted) => names(field).includes(wanted),
  byRegexp: (field, wanted) => names(field).some((name) => patternOf(wanted)?.test(name) ?? false),
  byType: (field, wanted) => field.type === wanted,
  byFrameRefID: (_field, wanted, frame) => frame.refId === wanted,
};

/** Whether overrides may use a matcher here. */
export const isMatcher = (id) => Object.hasOwn(MATCHERS, id);

/** Whether an override's matcher is for a field (with `displayName` and `plainName`) of a frame. */
export function matches({ id, options }, field, frame) {
  return isMatcher(id) && MATCHERS[id](field, options, frame);
}
