// The dashboards that the receiver serves: static files that hold no data, so they need no key.

import { ask } from "./api.js";

const loaded = new Map();
let known = null;

/** All dashboards, `[{uid, title, name, description, tags}]` in the receiver's order; `name` is the title's last part. */
export function list() {
  known ??= ask("/console/dashboards.json", { cache: "no-cache" })
    .then((response) => response.json())
    .then(({ dashboards, left_out }) => ({
      boards: dashboards.map((board) => ({ ...board, name: board.title.split(" / ").at(-1) })),
      leftOut: left_out,
    }))
    .catch((failure) => {
      known = null;
      throw failure;
    });
  return known;
}

/** One dashboard's JSON. */
export async function get(uid) {
  if (!loaded.has(uid)) {
    const response = await ask(`/console/dashboards/${encodeURIComponent(uid)}.json`, { cache: "no-cache" });
    loaded.set(uid, await response.json());
  }
  return loaded.get(uid);
}
