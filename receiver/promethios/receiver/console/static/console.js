// A session on the page: the bar, the dashboard that the address names, refreshing it, following what happens.

import { read } from "./address.js";
import { connect } from "./api.js";
import { Board } from "./board.js";
import * as boards from "./boards.js";
import { openSearch } from "./dialogs.js";
import { el, replace } from "./dom.js";
import { frameOf, questionOf } from "./infinity.js";
import { lengthMs } from "./interval.js";
import { dashboardLinks } from "./links.js";
import { follow } from "./live.js";
import { isoLocal } from "./moments.js";
import { refreshPicker } from "./refreshpicker.js";
import * as theme from "./theme.js";
import { throttle } from "./throttle.js";
import { timePicker } from "./timepicker.js";
import { between, isMoving, resolve, zoomOut } from "./timerange.js";
import { variableBar } from "./variablebar.js";
import { ALL, customOptions, lookup, optionsOf, queryOf } from "./variables.js";
import { changed, elsewhere, momentOf, viewOf } from "./view.js";

const $ = (id) => document.getElementById(id);
const AGENT = "promethios-agent";
const SHORTEST_GAP = 2000;
const LONGEST_GAP = 30_000;

export class Console {
  /** `signedIn` says as whom, and at which version; `rejected()` is called when the session is over. */
  constructor(signedIn, rejected) {
    this.signedIn = signedIn;
    this.rejected = rejected;
    this.board = null;
    this.view = null;
    this.events = "polling";
    this.took = 0; // How long the last answers took together, ms.
    this.known = { boards: [], leftOut: [] };
    this.client = connect((yes) => this.busy(yes));
    this.range = timePicker($("range"), (range) => this.change({ range }));
    this.refresher = refreshPicker($("refresh"), { refresh: () => this.refresh(), every: (refresh) => this.change({ refresh }) });
    this.happened = throttle(() => this.refresh(), () => this.gap());
    this.live = follow(this.client, { state: (word) => this.followed(word), event: (kind) => this.heard(kind), rejected });
  }

  busy(yes) {
    if (yes) this.began = Date.now();
    else this.took = Date.now() - this.began;
    this.refresher?.busy(yes);
    $("board").toggleAttribute("data-busy", yes);
  }

  change(change) {
    window.location.hash = changed(window.location.hash, { uid: this.board?.dashboard.uid ?? null, ...change });
  }

  navigate = (href) => {
    if (href.startsWith("#")) window.location.hash = href;
  };

  /** Show what the address names. */
  async follow() {
    const address = read(window.location.hash);
    const going = (this.going = Symbol("navigation"));
    try {
      this.known = await boards.list();
      const board = boards.chosen(this.known, address.uid);
      const dashboard = board && (await boards.get(board.uid));
      if (this.going !== going || this.ended) return;
      if (dashboard) this.open(dashboard, address);
      else this.missing(address.uid);
    } catch (failure) {
      if (this.going === going) this.lost(failure.message);
    }
  }

  open(dashboard, address) {
    const another = this.board?.dashboard !== dashboard;
    if (another) this.put(dashboard);
    this.view = viewOf(dashboard, address);
    const alone = this.board.only(address.viewPanel);
    document.body.classList.toggle("viewing", alone);
    this.bar();
    this.refresh();
    if (another && this.moved) $("title").focus({ preventScroll: true });
    this.moved = true;
  }

  put(dashboard) {
    this.board?.end();
    this.board = new Board($("board"), dashboard, {
      client: this.client,
      theme: theme.current,
      navigate: this.navigate,
      rejected: this.rejected,
      zoom: (from, to) => this.change({ range: between(from, to) }),
      view: (id) => this.look(id),
    });
    window.scrollTo(0, 0);
  }

  missing(uid) {
    this.lost(uid ? `There is no dashboard "${uid}" here.` : "There is no dashboard: the receiver found none to serve.");
  }

  lost(message) {
    this.board?.end();
    this.board = null;
    this.view = null;
    clearTimeout(this.timer);
    this.bar();
    replace($("board"), el("p", { class: "lost", role: "alert" }, message));
  }

  /** The bar above the dashboard: where one is, where one can go, what is chosen. */
  bar() {
    const { view } = this;
    const uid = this.board?.dashboard.uid;
    const here = this.known.boards.find((board) => board.uid === uid);
    const tab = ({ uid: id, name, description }) => {
      const current = id === uid && "page";
      return el("a", { href: elsewhere(id, view), "aria-current": current, title: description, data: { focus: id } }, name);
    };
    replace($("boards"), this.known.boards.map(tab));
    $("title").textContent = here?.name ?? "No dashboard";
    document.title = `${here?.name ?? "No dashboard"} – Promethios`;
    $("controls").hidden = view === null;
    if (view) this.choices();
  }

  choices() {
    const { view } = this;
    const { uid } = this.board.dashboard;
    this.range.show(view.range);
    this.refresher.show(view.refresh);
    this.sign();
    const shown = JSON.stringify([uid, [...view.values]]);
    const on = {
      choose: (name, values) => this.choose(name, values),
      options: (definition) => this.options(definition),
    };
    if (shown !== this.barShown) variableBar($("variables"), view.definitions, view.values, on);
    this.barShown = shown;
    const links = this.links();
    const away = { target: "_blank", rel: "noopener noreferrer" };
    replace($("links"), links.map(({ title, href, external }) => el("a", { href, ...(external && away) }, title)));
  }

  /** The dashboard's own links, but for those to where the tabs lead anyway. */
  links() {
    const tabs = new Set(this.known.boards.map(({ uid }) => uid));
    const all = dashboardLinks(this.board.dashboard, this.known.boards, lookup(this.moment(Date.now())));
    return all.filter(({ href }) => !tabs.has(read(href).uid));
  }

  choose(name, values) {
    const { vars } = read(window.location.hash);
    this.change({ vars: new Map([...vars, [name, values]]) });
  }

  moment = (now, options = new Map()) => ({ ...momentOf(this.view, now, options), uid: this.board.dashboard.uid });

  async options(definition) {
    if (definition.type === "custom") return customOptions(definition);
    const query = queryOf(definition);
    const look = lookup(this.moment(Date.now()));
    const { path, params } = questionOf(query, look);
    return optionsOf(definition, frameOf(query, await this.client.get(path, params), look));
  }

  /** What "All" stands for, of the variables that send their list for it. */
  async everything() {
    const wanted = this.view.definitions.filter(({ name, type, allValue }) => ["query", "custom"].includes(type) && !allValue && this.view.values.get(name)[0] === ALL);
    return new Map(await Promise.all(wanted.map(async (definition) => [definition.name, await this.options(definition)])));
  }

  /** Ask for everything in view, as of now. */
  async refresh() {
    const { board, view } = this;
    clearTimeout(this.timer);
    if (!board || this.ended) return;
    this.happened.done();
    const now = Date.now();
    try {
      const options = await this.everything();
      if (this.view !== view || this.ended) return;
      board.show(this.moment(now, options));
      const { version, tenant } = this.signedIn;
      replace($("footer"), el("span", {}, `Promethios ${version}`), el("span", {}, `tenant: ${tenant}`), el("span", {}, `asked at ${isoLocal(now)}`));
    } catch (failure) {
      if (failure.status === 401) return this.rejected();
      if (this.view === view) replace($("footer"), el("span", { class: "error", role: "alert" }, failure.message));
    }
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    const every = lengthMs(this.view?.refresh);
    if (every && isMoving(this.view.range)) this.timer = setTimeout(() => (document.hidden ? this.schedule() : this.refresh()), every);
  }

  /** Something was stored: show it, if what is shown goes up to now. Long ranges change slowly, so they wait longer. */
  heard(kind) {
    if (kind === "changed" && this.view?.refresh && isMoving(this.view.range) && !document.hidden) this.happened();
  }

  /** How long what happens waits to be shown: a page never asks for more than a fifth of the time. */
  gap() {
    const { from, to } = resolve(this.view.range, Date.now());
    return Math.min(LONGEST_GAP, Math.max(SHORTEST_GAP, (to - from) / 10_800, 4 * this.took));
  }

  followed(word) {
    this.events = word;
    this.sign();
  }

  sign() {
    if (!this.view) return;
    const { range, refresh } = this.view;
    this.refresher.state(isMoving(range) ? (refresh ? this.events : "paused") : "past");
  }

  look(id) {
    const { viewPanel } = read(window.location.hash);
    this.change({ viewPanel: viewPanel === id ? null : id });
  }

  search() {
    const places = this.known.boards.map((board) => ({ title: board.name, detail: board.description, href: elsewhere(board.uid, this.view) }));
    openSearch(places, this.agents(), this.known.leftOut);
  }

  async agents() {
    const target = [AGENT, boards.HOME].find((uid) => this.known.boards.some((board) => board.uid === uid));
    try {
      const { data } = await this.client.get("trust");
      return target ? data.map(({ agent_id: id }) => ({ title: id, detail: "agent", href: elsewhere(target, this.view, new Map([["agent", [id]]])) })) : [];
    } catch {
      return []; // The dashboards can be found without.
    }
  }

  zoomOut() {
    if (this.view) this.change({ range: zoomOut(this.view.range, Date.now()) });
  }

  /** Look at the panel that is focused or pointed at, or go back; false when there is neither. */
  lookAtOne() {
    const id = this.board?.alone ?? this.board?.current() ?? null;
    return id === null ? false : this.look(id);
  }

  /** Back from a panel that is looked at alone; false when there is none. */
  lookAtAll() {
    return (this.board?.alone ?? null) === null ? false : this.change({ viewPanel: null });
  }

  /** The theme changed: draw what is there in it. */
  recolor() {
    this.board?.redraw();
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.happened.cancel();
    this.live.end();
    this.board?.end();
    for (const id of ["board", "boards", "variables", "links", "range", "refresh", "footer"]) $(id).replaceChildren();
  }
}
