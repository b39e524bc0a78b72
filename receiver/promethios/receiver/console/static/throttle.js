// At most one call in so many milliseconds; what comes in between is one call at the end.

/**
 * A function that calls `run` at once, or when `gap()` ms have passed since the last time; `cancel()` forgets what
 * waits, `done()` too, because it has just been done.
 */
export function throttle(run, gap) {
  let last = -Infinity;
  let timer = null;
  const call = () => {
    timer = null;
    last = Date.now();
    run();
  };
  const throttled = () => {
    if (timer === null) timer = setTimeout(call, Math.max(0, last + gap() - Date.now()));
  };
  throttled.cancel = () => {
    clearTimeout(timer);
    timer = null;
  };
  throttled.done = () => {
    throttled.cancel();
    last = Date.now();
  };
  return throttled;
}
