// One cursor for all charts: pointing at a moment in one marks it in the others.

const followers = new Set();

/** Call `follow(time | null)` whenever the cursor moves; returns the function that ends it. */
export function onCursor(follow) {
  followers.add(follow);
  return () => followers.delete(follow);
}

/** Move the cursor to a Unix time in ms, or take it away with null. */
export function moveCursor(time) {
  for (const follow of followers) follow(time);
}
