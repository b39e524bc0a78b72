// Dark, light, or as the system is. The choice is kept in the browser: it is no secret.

const KEY = "promethios-theme";
const CHOICES = ["system", "dark", "light"];
const system = window.matchMedia("(prefers-color-scheme: light)");
const listeners = new Set();

function stored() {
  try {
    const kept = window.localStorage.getItem(KEY);
    return CHOICES.includes(kept) ? kept : "system";
  } catch {
    return "system"; // Storage can be switched off.
  }
}

let choice = stored();

const theme = () => (choice === "system" ? (system.matches ? "light" : "dark") : choice);

function apply() {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener(theme());
}

/** What is shown, "dark" or "light". */
export const current = theme;

/** What was chosen: "system", "dark" or "light". */
export const chosen = () => choice;

/** Call `listener(theme)` at each change. */
export const onTheme = (listener) => listeners.add(listener);

/** Go on to the next choice and keep it; gives its name. */
export function next() {
  choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
  try {
    window.localStorage.setItem(KEY, choice);
  } catch {
    // Then it holds until the page is closed.
  }
  apply();
  return choice;
}

system.addEventListener("change", apply);
apply();
