// One cursor for all charts: pointing at a moment in one marks it in the others.

const followers = new Set();

/** Call `follow(time | null)` whenever the cursor moves. */
export function onCursor(follow) {
  followers.add(follow);
}

/** Let go of all charts, and of the data they hold. */
export function forgetCursor() {
  followers.clear();
}

/** Move the cursor to a Unix time in ms, or take it away with null. */
export function moveCursor(time) {
  for (const follow of followers) follow(time);
}
