// The page: is there a session? Then the console, else the form that asks for a key.

import { read } from "./address.js";
import * as boards from "./boards.js";
import { Console } from "./console.js";
import { icon } from "./icons.js";
import { listen } from "./keys.js";
import { askForKey, onLogin } from "./login.js";
import { end, resume } from "./session.js";
import * as theme from "./theme.js";

const $ = (id) => document.getElementById(id);
const OVER = "The session is over: log in again.";

let session = null;

function enter(signedIn) {
  $("login").hidden = true;
  $("console").hidden = false;
  session = new Console(signedIn, () => leave(OVER));
  session.follow();
}

function leave(message) {
  session?.end();
  session = null;
  askForKey(message);
}

function showTheme() {
  const choice = theme.chosen();
  $("theme").replaceChildren(icon(choice));
  $("theme").setAttribute("aria-label", `Theme: ${choice}`);
  $("theme").title = `Theme: ${choice} (t)`;
}

/** What a key does to the session that is there when it is pressed. */
const act = (name) => () => (session ? session[name]() : false);

const keys = listen({
  "/": ["Search dashboards and agents", act("search")],
  r: ["Refresh", act("refresh")],
  t: ["Theme: as the system, dark, light", () => theme.next()],
  v: ["View alone the panel that is focused or pointed at, and back", act("lookAtOne")],
  z: ["Zoom out in time", act("zoomOut")],
  Escape: ["Back from a panel alone", act("lookAtAll")],
});

onLogin(enter);
theme.onTheme(() => {
  showTheme();
  session?.recolor();
});
showTheme();
$("theme").addEventListener("click", () => theme.next());
$("search").append(icon("search"));
$("search").addEventListener("click", act("search"));
$("help").append(icon("help"));
$("help").addEventListener("click", () => keys.help());
$("logout").append(icon("leave"));
$("logout").addEventListener("click", () => {
  leave("");
  end();
});
// The address's hash is the view: the skip link must not change it.
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("board").focus();
});
window.addEventListener("hashchange", () => session?.follow());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && session?.view?.refresh) session.refresh();
});

boards.expect(read(window.location.hash).uid);
try {
  const signedIn = await resume();
  if (signedIn) enter(signedIn);
  else askForKey();
} catch (failure) {
  askForKey(failure.message);
}
