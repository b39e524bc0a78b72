// The page: log in, follow the address, ask the receiver, show. Logging out forgets the key and the data.

import { ApiError, connect, isKey } from "./api.js";
import { controls } from "./controls.js";
import { forgetCursor } from "./cursor.js";
import { el, replace } from "./dom.js";
import { moment } from "./format.js";
import { overview } from "./overview.js";
import { address, asked, read } from "./state.js";
import { showNoTrace, showTrace } from "./trace.js";

const $ = (id) => document.getElementById(id);
const REJECTED = "This key cannot read: it is wrong, expired, revoked or of another scope.";

let session = null;

function logIn(client, status) {
  const going = {
    client,
    state: read(),
    every: 30_000,
    timer: null,
    asking: null,
    drawn: null,
    panels: [],
    status,
  };
  session = going;
  $("key").value = "";
  $("login").hidden = true;
  $("console").hidden = false;
  going.panels = overview($("overview"), () => refresh(going));
  going.controls = controls($("controls"), {
    range: (range) => go({ ...going.state, range }),
    agents: (agents) => go({ ...going.state, agents }),
    every: (ms) => {
      going.every = ms;
      schedule(going);
    },
    refresh: () => refresh(going),
  });
  navigate();
  $("main").focus({ preventScroll: true });
}

function logOut(message = "") {
  if (session) {
    clearTimeout(session.timer);
    session.asking?.abort();
    session.controls.end();
  }
  session = null;
  forgetCursor();
  for (const id of ["overview", "trace", "controls", "footer"]) $(id).replaceChildren();
  $("console").hidden = true;
  $("login").hidden = false;
  $("login-error").textContent = message;
  $("key").value = "";
  $("key").focus();
}

async function submit(event) {
  event.preventDefault();
  const key = $("key").value.trim();
  const button = event.submitter ?? event.target.querySelector("button");
  $("login-error").textContent = "";
  if (!isKey(key)) {
    $("login-error").textContent = "This does not look like a key: keys begin with pmk_ and have no blanks.";
    return;
  }
  button.disabled = true;
  try {
    const client = connect(key);
    logIn(client, (await client.get("status")).data[0]);
  } catch (failure) {
    $("login-error").textContent = [401, 403].includes(failure.status) ? REJECTED : failure.message;
  } finally {
    button.disabled = false;
  }
}

const go = (state) => {
  window.location.hash = address(state);
};

function navigate() {
  if (!session) return;
  const before = session.state.view;
  session.state = read();
  const { view } = session.state;
  $("overview").hidden = view !== "overview";
  $("trace").hidden = view !== "trace";
  document.title = view === "trace" ? "Trace – Promethios" : "Overview – Promethios";
  session.controls.show(session.state);
  if (view === "trace") {
    session.drawn = null;
    showNoTrace($("trace"), session.state, "");
    $("trace").querySelector("h1").focus();
    window.scrollTo(0, 0);
  } else if (before === "trace") {
    $("main").focus({ preventScroll: true });
  }
  refresh(session);
}

/** Ask for everything in view, once: a newer request ends the older. */
async function refresh(going) {
  if (session !== going) return;
  clearTimeout(going.timer);
  going.asking?.abort();
  const asking = new AbortController();
  going.asking = asking;
  going.controls.busy(true);
  const work =
    going.state.view === "trace" ? [loadTrace(going, asking.signal)] : loadOverview(going, asking.signal);
  const outcomes = await Promise.all(work);
  if (session !== going || asking.signal.aborted) return;
  going.controls.busy(false);
  if (outcomes.includes("rejected")) return logOut(`Logged out. ${REJECTED}`);
  footer(going);
  schedule(going);
}

/** Run `load` and hand its failure to `fail`; an ended request is no failure. */
async function attempt(load, fail) {
  try {
    await load();
    return "done";
  } catch (failure) {
    if (failure.name === "AbortError") return "ended";
    if (failure instanceof ApiError && failure.status === 401) return "rejected";
    fail(failure instanceof ApiError ? failure.message : `This panel could not be drawn: ${failure.message}`);
    return "failed";
  }
}

function loadOverview(going, signal) {
  const now = Date.now();
  const { from, to, step, agent } = asked(going.state, now);
  const context = { state: going.state, now, step };
  const panels = going.panels.map((panel) =>
    attempt(async () => {
      panel.show(
        await going.client.get(panel.path, { from, to, agent, ...panel.params(context) }, signal),
        context,
      );
    }, panel.fail),
  );
  const known = attempt(
    async () => {
      const answer = await going.client.get("agents", { from, to }, signal);
      going.controls.known(answer.data.map((row) => row.agent_id));
    },
    () => {},
  );
  return [...panels, known];
}

function loadTrace(going, signal) {
  const { state, client } = going;
  return attempt(
    async () => {
      const answer = await client.get(`traces/${state.traceId}`, {}, signal);
      // Drawn once: a trace that is drawn anew would close the rows that a person has opened.
      if (going.drawn !== JSON.stringify([state, answer])) {
        going.drawn = JSON.stringify([state, answer]);
        showTrace($("trace"), state, answer);
      }
    },
    (message) => showNoTrace($("trace"), state, message),
  );
}

function schedule(going) {
  clearTimeout(going.timer);
  if (!going.every) return;
  going.timer = setTimeout(() => (document.hidden ? schedule(going) : refresh(going)), going.every);
}

function footer(going) {
  const { version, store } = going.status;
  replace(
    $("footer"),
    el("span", {}, `Promethios ${version}`),
    el("span", {}, `store: ${store}`),
    el("span", {}, `updated ${moment(Date.now())}`),
  );
}

$("login-form").addEventListener("submit", submit);
$("logout").addEventListener("click", () => logOut());
window.addEventListener("hashchange", navigate);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && session?.every) refresh(session);
});
$("key").focus();
