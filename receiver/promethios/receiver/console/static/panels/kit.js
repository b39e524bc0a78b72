// What every panel needs: colours for a canvas, safe links, what to say when there is nothing, sizes.

import { el, replace } from "../dom.js";

const hexOf = (computed) => {
  const channels = /^rgba?\((\d+), (\d+), (\d+)/.exec(computed)?.slice(1) ?? [119, 129, 143];
  return `#${channels.map((c) => Number(c).toString(16).padStart(2, "0")).join("")}`;
};

const known = new Map();

/** A CSS colour as "#rrggbb", which a canvas takes: "var(--x)" is what it is in the theme, none that of `node`. */
export function ink(color, node = document.body) {
  if (/^#[0-9a-f]{6}$/i.test(color ?? "")) return color;
  // What stands nowhere has no colours.
  if (!color || !node.isConnected) return probed(color || "inherit", node);
  const key = `${document.documentElement.dataset.theme} ${color}`;
  if (!known.has(key)) known.set(key, probed(color, node));
  return known.get(key);
}

/** To try a colour out makes the browser look at the styles of the page. */
function probed(color, node) {
  const probe = styled(el("i"), { color });
  node.append(probe);
  const found = hexOf(getComputedStyle(probe).color);
  probe.remove();
  return found;
}

/** "#rrggbb" with an opacity from 0 to 1; other colours stay as they are. */
export function faded(color, opacity) {
  if (!/^#[0-9a-f]{6}$/i.test(color)) return color;
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  return `rgba(${r}, ${g}, ${b}, ${opacity})`;
}

/** An address that may become a link: of the web or of this page. Anything else, as a script, gives null. */
function safeHref(href) {
  if (typeof href !== "string") return null;
  try {
    return ["http:", "https:"].includes(new URL(href, document.baseURI).protocol) ? href : null;
  } catch {
    return null;
  }
}

/** A link `{title, href}` around children; the children alone when its address is not safe. */
export function anchor(link, props, ...children) {
  const href = safeHref(link?.href);
  if (href === null) return el("span", props, children);
  const away = new URL(href, document.baseURI).origin !== window.location.origin;
  const label = link.title && link.title !== children.join("") ? link.title : undefined;
  return el("a", { ...props, href, title: label, ...(away && { rel: "noopener noreferrer", target: "_blank" }) }, children);
}

/** Say in `host` that there is nothing to show. */
export function nothing(host, panel, otherwise = "No data in this range") {
  replace(host, el("p", { class: "p-empty" }, panel.fieldConfig?.defaults?.noValue || otherwise));
}

/** Whether a field is kept out of "viz", "legend" or "tooltip". */
export const hiddenFrom = (field, place) => Boolean(field.config?.custom?.hideFrom?.[place]);

/** What a panel is called by a screen reader; variables in a title are filled in by the panel's frame alone. */
export const nameOf = (panel) => (panel.title ?? "").replace(/\$\{?\w+\}?/g, "").trim() || panel.type;

/** Call `resized(width, height)` whenever the size of `node` in whole pixels changes; returns how to end it. */
export function onResize(node, resized) {
  let last = "";
  const observer = new ResizeObserver(([entry]) => {
    const { width, height } = entry.contentRect;
    const size = [Math.floor(width), Math.floor(height)];
    if (`${size}` === last) return;
    last = `${size}`;
    // In a frame of its own: what is drawn here may change the size again.
    requestAnimationFrame(() => node.isConnected && resized(...size));
  });
  observer.observe(node);
  return () => observer.disconnect();
}

/** Set properties of an element's style through the object model, the only way that the policy allows. */
export function styled(node, properties) {
  for (const [name, value] of Object.entries(properties)) node.style.setProperty(name, value);
  return node;
}

/** Put at most `count` things into words: "a, b and 3 more". */
export function listed(words, count = 6) {
  const shown = words.slice(0, count).join(", ");
  return words.length > count ? `${shown} and ${words.length - count} more` : shown;
}

let given = 0;

/** An id that no other element of the page has. */
export const freshId = (what) => `p-${what}-${(given += 1)}`;
