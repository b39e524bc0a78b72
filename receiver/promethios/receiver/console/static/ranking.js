// Horizontal bars: which policies are violated most, and how much of that was blocked.

import { el, replace } from "./dom.js";
import { count } from "./format.js";
import { severity } from "./badges.js";

/** Show rows of `violations/by_policy` in `host`, most first. */
export function ranking(host, rows) {
  const most = Math.max(1, ...rows.map((row) => row.violations));
  replace(
    host,
    el(
      "table",
      { class: "ranking", role: "table" },
      el("caption", { class: "sr" }, "Violations by policy, most violated first"),
      el(
        "thead",
        { class: "sr" },
        el(
          "tr",
          {},
          ["Policy", "Severity", "Violations", "Blocked"].map((head) => el("th", { scope: "col" }, head)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((row) => line(row, most)),
      ),
    ),
  );
}

function line(row, most) {
  const bar = el("div", { class: "rank-bar" });
  const blocked = el("div", { class: "rank-blocked" });
  bar.style.setProperty("width", `${(row.violations / most) * 100}%`);
  blocked.style.setProperty("width", `${(row.blocked / row.violations) * 100 || 0}%`);
  bar.append(blocked);
  return el(
    "tr",
    {},
    el("th", { scope: "row", title: row.policy_id }, row.policy_id),
    el("td", {}, severity(row.severity)),
    el("td", { class: "rank-cell" }, bar, el("span", { class: "rank-count" }, count(row.violations))),
    el("td", { class: "num dim" }, `${count(row.blocked)} blocked`),
  );
}
