// Colours of a dashboard: Grafana's names, and how a colour chosen for dark panels is shown on light ones.

// packages/grafana-data/src/themes/createVisualizationColors.ts of https://github.com/grafana/grafana
const HUES = {
  red: ["#ffa6b0", "#ff7383", "#f2495c", "#e02f44", "#c4162a"],
  orange: ["#ffcb7d", "#ffb357", "#ff9830", "#ff780a", "#fa6400"],
  yellow: ["#fff899", "#ffee52", "#fade2a", "#f2cc0c", "#e0b400"],
  green: ["#c8f2c2", "#96d98d", "#73bf69", "#56a64b", "#37872d"],
  blue: ["#c0d8ff", "#8ab8ff", "#5794f2", "#3274d9", "#1f60c4"],
  purple: ["#deb6f2", "#ca95e5", "#b877d9", "#a352cc", "#8f3bb8"],
};
const SHADES = ["super-light-", "light-", "", "semi-dark-", "dark-"];
const NAMED = new Map([
  ...Object.entries(HUES).flatMap(([hue, shades]) => shades.map((hex, i) => [SHADES[i] + hue, hex])),
  ["text", "var(--text)"],
  ["transparent", "transparent"],
]);

// The colours of the project's dashboards are apart from each other on dark panels; these are on light ones.
const ON_LIGHT = new Map([
  ["#d841a2", "#6b1450"],
  ["#ea5a1c", "#a23810"],
  ["#f0d57a", "#b98500"],
  ["#4a86f0", "#1f66c0"],
  ["#ea3a24", "#9c2a12"],
  ["#b6dfef", "#2e97b5"],
  ["#a684ef", "#5938a1"],
  ["#f2d95c", "#b98500"],
  ["#3a8f80", "#14574c"],
  ["#45b7a6", "#1f8f78"],
  ["#f2c027", "#b98500"],
  ["#da252e", "#7d120d"],
  ["#8ab0f0", "#2f62a8"],
]);

/** Colours of series that have none of their own; apart under the three kinds of colour blindness. */
export const PALETTE = ["#4a86f0", "#f0d57a", "#d841a2", "#45b7a6", "#ea5a1c", "#b6dfef", "#a684ef", "#8fbf4d"];

const channels = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

/** Relative luminance of "#rrggbb" (WCAG 2). */
export function luminance(hex) {
  const [r, g, b] = channels(hex).map((c) => (c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function darkened(hex) {
  let shown = channels(hex);
  const text = () => `#${shown.map((c) => Math.round(c).toString(16).padStart(2, "0")).join("")}`;
  while (1.05 / (luminance(text()) + 0.05) < 3) shown = shown.map((c) => c * 0.92);
  return text();
}

/** A dashboard's colour as CSS takes it, with 3:1 on the theme's panels; what is no colour gives null. */
export function shown(color, theme = "dark") {
  const hex = (NAMED.get(color) ?? color ?? "").toLowerCase();
  if (hex === "transparent" || hex.startsWith("var(--")) return hex;
  if (!/^#[0-9a-f]{6}$/.test(hex)) return null;
  if (theme !== "light") return hex;
  return ON_LIGHT.get(hex) ?? darkened(hex);
}

/** Black or white, whichever is read better on "#rrggbb": at least 4.58:1 on any colour (WCAG 2). */
export const textOn = (hex) => (/^#[0-9a-f]{6}$/i.test(hex ?? "") && luminance(hex) > 0.179 ? "#000000" : "#ffffff");
