// One panel of a dashboard: a frame with title, explanation and menu around what its type draws. It asks when it is
// in view and what it shows is older than the dashboard's moment; what it asked before is ended then.

import { ApiError } from "./api.js";
import { el, replace } from "./dom.js";
import { display } from "./fields.js";
import { Unfilled } from "./infinity.js";
import { linksOf } from "./links.js";
import { panelMenu } from "./panelmenu.js";
import { load } from "./panels/index.js";
import { configured, fillIn, framesOf, isEmpty, questionsOf } from "./question.js";
import { fill } from "./template.js";
import { tip } from "./tip.js";

const TABLE = { type: "table", options: { showHeader: true } };

const advice = (failure) => {
  if (!(failure instanceof ApiError)) return failure.message;
  const message = failure.message.replace(/([^.!?])$/, "$1.");
  return failure.status === 0 || failure.status >= 500 ? `${message} It is asked again with the next refresh.` : message;
};

export class PanelView {
  /** `board` gives `client`, `theme()`, `hover`, `annotations()`, `zoom`, `navigate`, `view(id)`, `rejected()`. */
  constructor(panel, board) {
    this.panel = panel;
    this.board = board;
    this.asTable = false;
    this.shown = null; // What is drawn: {frames, moment, look, interval}.
    this.moment = null; // What is to be shown.
    this.inView = false;
    this.mounted = null;
    this.room = null; // What there is room for, {width, height} in px, as last told.
    this.make();
  }

  make() {
    const { panel } = this;
    this.heading = el("h3", { id: `panel-${panel.id}-title` });
    this.sign = el("span", { class: "busy", "aria-hidden": "true" });
    this.note = el("p", { class: "note", role: "status", hidden: true });
    this.host = el("div", { class: "host" });
    this.menu = panelMenu(() => this.menuState(), { view: () => this.board.view(panel.id), table: () => this.toggleTable() });
    this.node = el(
      "section",
      { class: "panel", "aria-labelledby": this.heading.id, data: { panel: panel.id, type: panel.type } },
      el("header", {}, this.heading, panel.description && tip(panel.title, panel.description), this.sign, this.menu),
      el("div", { class: "body" }, this.note, this.host),
    );
    this.title(() => undefined);
    this.sizes = new ResizeObserver(([{ contentRect }]) => this.resized(contentRect));
    this.sizes.observe(this.host);
  }

  title(look) {
    const text = fill(this.panel.title ?? "", (name, format) => look(name, format) ?? "").trim();
    this.heading.textContent = text || "Panel";
    this.menu.setAttribute("aria-label", `Menu of ${this.heading.textContent}`);
  }

  /**
   * Show a moment of the dashboard: `{view, range, asked, definitions, values, options, uid}`; now, or when in view.
   * A question about the same view a little earlier is waited for: where answers take longer than the pause between
   * two events, ending it would show nothing for ever.
   */
  show(moment) {
    this.moment = moment;
    if (this.inView && this.asking?.moment.view !== moment.view) this.ask();
  }

  /** The board puts the panel somewhere, or hides it: what there is room for is to be looked at anew. */
  place(visible) {
    this.node.hidden = !visible;
    this.room = null;
  }

  /** The panel came into view, or left it. */
  seen(inView) {
    this.inView = inView;
    if (inView && this.moment && this.moment !== this.shown?.moment && this.moment !== this.asking?.moment) this.ask();
  }

  async ask() {
    this.asking?.controller.abort();
    const asking = { moment: this.moment, controller: new AbortController() };
    this.asking = asking;
    const { interval, look } = fillIn(this.panel, asking.moment, this.width());
    this.title(look);
    this.node.setAttribute("aria-busy", "true");
    try {
      const frames = await framesOf(this.panel, look, this.board.client, asking.controller.signal);
      if (this.asking !== asking) return;
      this.shown = { frames, look, interval, moment: asking.moment };
      await this.draw();
      if (this.asking === asking) this.settle();
    } catch (failure) {
      if (this.asking === asking && failure.name !== "AbortError") this.fail(failure);
    }
  }

  settle() {
    const { moment } = this.asking;
    this.asking = null;
    this.node.removeAttribute("aria-busy");
    this.node.classList.remove("stale");
    if (moment !== this.moment && this.inView) this.ask();
  }

  fail(failure) {
    if (failure.status === 401) return this.board.rejected();
    if (this.asking) this.settle();
    if (failure instanceof Unfilled) return this.say(this.board.askFor(failure.variable), "empty");
    this.node.classList.toggle("stale", this.mounted !== null);
    const again = el("button", { type: "button", onclick: () => this.ask() }, "Try again");
    this.say([el("strong", {}, "This panel has no answer. "), advice(failure), " ", again], "error");
  }

  /** Put a note in the panel: instead of what it draws when that is nothing or gone, above it when it is only old. */
  say(text, kind) {
    const over = kind === "error" && this.mounted !== null;
    this.note.hidden = false;
    this.note.className = `note ${kind}`;
    this.host.hidden = !over;
    replace(this.note, text);
    if (!over) this.unmount();
  }

  /** Draw what is there; `again` when only how it looks has changed, so that what was said of it still holds. */
  async draw(again = false) {
    const { frames, moment } = this.shown;
    if (isEmpty(frames) && this.panel.type !== "stat") {
      return this.say(this.panel.fieldConfig?.defaults?.noValue ?? "No data in this range.", "empty");
    }
    if (!again) this.note.hidden = true;
    this.host.hidden = false;
    const type = this.asTable ? TABLE.type : this.panel.type;
    const { mount } = await load(type);
    if (this.shown?.moment !== moment) return;
    if (this.mounted?.type === type) return this.mounted.module.update(this.context());
    this.unmount();
    this.mounted = { type, module: mount(this.host, this.context()) };
  }

  context() {
    const { frames, look, interval, moment } = this.shown;
    const { board } = this;
    const made = configured(this.panel, frames, look, board.theme());
    const frameWith = new Map(made.flatMap((frame) => frame.fields.map((field) => [field, frame])));
    return {
      panel: this.asTable ? { ...this.panel, ...TABLE } : this.panel,
      frames: made,
      range: moment.range,
      interval,
      theme: board.theme(),
      format: display,
      links: (field, row) => linksOf(frameWith.get(field) ?? made[0], field, row, look),
      annotations: board.annotations(),
      hover: board.hover,
      zoom: board.zoom,
      navigate: board.navigate,
      refresh: () => this.ask(),
    };
  }

  /** Draw what is there once more: another theme, size, or annotations. */
  async redraw() {
    if (!this.shown || !this.mounted) return;
    try {
      await this.draw(true);
    } catch (failure) {
      this.fail(failure);
    }
  }

  /** To ask the browser would make it lay out the page, at each panel. */
  width() {
    return this.room?.width ?? this.host.clientWidth;
  }

  resized({ width, height }) {
    const room = { width: Math.round(width), height: Math.round(height) };
    if (room.width === 0 || (room.width === this.room?.width && room.height === this.room.height)) return;
    this.room = room;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.redraw());
  }

  toggleTable() {
    this.asTable = !this.asTable;
    if (this.shown) this.draw().catch((failure) => this.fail(failure));
  }

  menuState() {
    let questions = [];
    try {
      questions = this.moment ? questionsOf(this.panel, fillIn(this.panel, this.moment, this.width()).look) : [];
    } catch {
      // A question that cannot be asked has no file either; the panel says why.
    }
    return { title: this.heading.textContent, alone: this.board.alone() === this.panel.id, asTable: this.asTable, questions };
  }

  unmount() {
    this.mounted?.module.destroy();
    this.mounted = null;
  }

  end() {
    this.asking?.controller.abort();
    this.asking = null;
    this.shown = null;
    cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
    this.unmount();
    this.node.remove();
  }
}
