// Links of fields and dashboards. Values come from agents: each is percent-encoded, and only addresses of the
// console and http(s) become links.

import { linkTo } from "./address.js";
import { display } from "./fields.js";
import { fill, percentEncode } from "./template.js";

function cell(frame, wanted, row) {
  const name = wanted.replace(/^\[?["']?|["']?\]?$/g, "").replace(/^\./, "");
  const found = frame.fields.find((field) => field.displayName === name || field.name === name) ?? frame.fields[Number(name)];
  return found ? String(found.values[row] ?? "") : undefined;
}

/** How a data link's texts are filled in: the row's values first, then the dashboard's variables. */
function dataLookup(frame, field, row, look) {
  const value = field.values[row];
  const own = {
    "__value.raw": () => String(value ?? ""),
    "__value.numeric": () => String(typeof value === "number" ? value : ""),
    "__value.text": () => display(field, value).text,
    "__value.time": () => String(frame.fields.find(({ type }) => type === "time")?.values[row] ?? ""),
    "__field.name": () => field.name,
    "__field.displayName": () => field.displayName,
    "__series.name": () => frame.name,
  };
  return (name, format) => {
    if (Object.hasOwn(own, name)) return own[name]();
    if (name.startsWith("__field.labels.")) return field.labels[name.slice("__field.labels.".length)] ?? "";
    if (name.startsWith("__data.fields")) return cell(frame, name.slice("__data.fields".length).replace(/^\./, ""), row);
    return look(name, format);
  };
}

function made({ title = "", url = "", targetBlank = false }, look) {
  const target = linkTo(fill(url, look, percentEncode));
  return target && { title: fill(title, look) || "Open", href: target.href, external: target.external || targetBlank };
}

/** The links of one cell: `[{title, href, external}]`; none for a cell without a value. */
export function linksOf(frame, field, row, look) {
  const value = field.values[row];
  if (!field.config.links?.length || value === null || value === undefined || value === "") return [];
  const fillIn = dataLookup(frame, field, row, look);
  return field.config.links.map((link) => made(link, fillIn)).filter(Boolean);
}

function withTime(url, link, look) {
  const more = [link.keepTime && "${__url_time_range}", link.includeVars && "${__all_variables}"].filter(Boolean).map((text) => fill(text, look));
  return more.length ? `${url}${url.includes("?") ? "&" : "?"}${more.join("&")}` : url;
}

/** The links at the top of a dashboard; those by tag lead to each dashboard of the `known` that has the tag. */
export function dashboardLinks(dashboard, known, look) {
  return (dashboard.links ?? []).flatMap((link) => {
    const targets =
      link.type === "dashboards"
        ? known.filter(({ uid, tags }) => uid !== dashboard.uid && (link.tags ?? []).every((tag) => tags.includes(tag)))
        : [{ uid: null, title: link.title }];
    return targets
      .map(({ uid, title }) => made({ ...link, title, url: withTime(uid ? `/d/${uid}` : (link.url ?? ""), link, look) }, look))
      .filter(Boolean);
  });
}
