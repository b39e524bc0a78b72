// The crosshair that the charts of a dashboard share: a time, or null when nothing is pointed at.

export function makeHover() {
  const listeners = new Set();
  return {
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set(time) {
      for (const listener of listeners) listener(time);
    },
  };
}
