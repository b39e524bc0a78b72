// What is shown, kept in the address after "#" in Grafana's grammar, so that views can be shared and "back" works:
//   #/d/promethios-agent?var-agent=a&var-agent=b&from=now-6h&to=now&refresh=10s&viewPanel=3
// The key is never in it. What is malformed is left out.

import { lengthMs } from "./interval.js";
import { isRange } from "./timerange.js";

const UID = /^[\w-]{1,64}$/;

function readRange(params) {
  const range = { from: params.get("from") ?? "", to: params.get("to") ?? "now" };
  return isRange(range) ? range : null;
}

function readRefresh(params) {
  const text = params.get("refresh");
  if (text === null) return null;
  return text === "" || (lengthMs(text) ?? 0) >= 1000 ? text : null;
}

/**
 * Read an address: `{uid, vars, range, refresh, viewPanel, asTable}`. `vars` is a Map from name to a list of texts;
 * `uid`, `range`, `refresh` and `viewPanel` are null when they are not given; `refresh` is "" for off.
 */
export function read(hash) {
  const [path, ...rest] = hash.replace(/^#/, "").split("?");
  const params = new URLSearchParams(rest.join("?"));
  const [, kind, uid] = path.split("/");
  const vars = new Map();
  for (const [name, value] of params) {
    if (!name.startsWith("var-") || name.length === 4) continue;
    vars.set(name.slice(4), [...(vars.get(name.slice(4)) ?? []), value]);
  }
  const panel = params.get("viewPanel") ?? "";
  return {
    uid: kind === "d" && UID.test(uid ?? "") ? uid : null,
    vars,
    range: readRange(params),
    refresh: readRefresh(params),
    viewPanel: /^\d{1,9}$/.test(panel) ? Number(panel) : null,
  };
}

/** The address of what `read` gives. */
export function write({ uid, vars = new Map(), range = null, refresh = null, viewPanel = null }) {
  const params = new URLSearchParams();
  for (const [name, values] of vars) for (const value of values) params.append(`var-${name}`, value);
  if (range) {
    params.set("from", range.from);
    params.set("to", range.to);
  }
  if (refresh !== null) params.set("refresh", refresh);
  if (viewPanel !== null) params.set("viewPanel", String(viewPanel));
  const query = params.toString();
  return `#/${uid ? `d/${uid}` : ""}${query ? `?${query}` : ""}`;
}

/**
 * A dashboard's link as the console follows it: "/d/…" is an address of the console, "https://…" leads away,
 * and everything else is no link (null).
 */
export function linkTo(url) {
  if (/^\/d\/[\w-]/.test(url)) return { href: `#${url}`, external: false };
  if (/^https?:\/\//i.test(url)) return { href: url, external: true };
  return null;
}
