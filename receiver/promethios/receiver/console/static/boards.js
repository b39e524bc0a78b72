// The dashboards that the receiver serves: static files that hold no data, so they need no key.

import { ask } from "./api.js";

/** Where one lands. */
export const HOME = "promethios-overview";

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
export function get(uid) {
  if (!loaded.has(uid)) {
    const asked = ask(`/console/dashboards/${encodeURIComponent(uid)}.json`, { cache: "no-cache" }).then((response) => response.json());
    loaded.set(uid, asked);
    asked.catch(() => loaded.delete(uid));
  }
  return loaded.get(uid);
}

/** The one that an address names, or that is shown where it names none; undefined where there is none. */
export const chosen = ({ boards }, uid) => (uid === null ? (boards.find((board) => board.uid === HOME) ?? boards[0]) : boards.find((board) => board.uid === uid));

/** Ask for what will be shown, before it is known whether it may be: dashboards hold no data. */
export async function expect(uid) {
  try {
    const board = chosen(await list(), uid);
    if (board) await get(board.uid);
  } catch {
    // Who shows it will ask again, and say what went wrong.
  }
}
