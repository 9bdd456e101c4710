// One page while it is looked at: read, shown, and read again when something happened, when time has passed
// and when the gateway is back.

import { Gone, line } from "./api.js";
import { isGone } from "./connection.js";
import { become, h } from "./dom.js";
import { live } from "./live.js";
import { trouble } from "./parts/words.js";
import { sampler } from "./sampler.js";

/** Between two readings of what events say is stale, of what nobody tells of, and after a failure. */
const SOON_MS = 1_000;
const EVERY_MS = 4_000;
const RARELY_MS = 30_000;

/**
 * A page: {title, topics, every, figures, read(parameters, {signal, memory}), show(data, visit)}.
 * `topics` are the events that make what was read stale (absent: every one); `every` is its own pace in
 * milliseconds; with `figures` it is shown anew at each sample. What a page wants to keep between two
 * readings (a filter, how many rows) is in `memory`: `visit.change({…})` changes it and reads at once, as `visit.again()` does.
 */
export class Visit {
  constructor(page, parameters, main, moveFocus) {
    Object.assign(this, { page, parameters, main, moveFocus });
    this.memory = {};
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    document.title = `${titleOf(page, parameters)} · pg_inventory`;
    main.replaceChildren(h("div", { class: "loading" }, "Reading…"));
    live.addEventListener("events", (event) => this.heard(event.detail), { signal });
    sampler.addEventListener("sample", () => page.figures && this.draw(), { signal });
    line.addEventListener("back", () => this.again(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.again(), { signal });
    this.again();
  }

  leave() {
    this.leaving.abort();
    clearTimeout(this.timer);
  }

  heard(events) {
    const { topics } = this.page;
    if (!topics || events.some(({ topic }) => topics.includes(topic))) this.schedule(SOON_MS);
    if (this.page.figures) this.draw();
  }

  change(memory) {
    Object.assign(this.memory, memory);
    this.again();
  }

  /** Reads now; what was asked for before and has not come yet is not shown any more. */
  async again() {
    clearTimeout(this.timer);
    this.due = Infinity;
    this.reading?.abort();
    const reading = (this.reading = new AbortController());
    const signal = AbortSignal.any([reading.signal, this.leaving.signal]);
    try {
      const data = await this.page.read(this.parameters, { signal, memory: this.memory });
      if (signal.aborted) return;
      Object.assign(this, { data, read: true, error: null });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Gone) && !error.status) console.error(error);
      this.error = error;
    }
    this.draw();
    this.schedule(this.error ? EVERY_MS : (this.page.every ?? (live.state === "live" ? RARELY_MS : EVERY_MS)));
  }

  schedule(milliseconds) {
    const due = Date.now() + milliseconds;
    if (due >= (this.due ?? Infinity)) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(() => {
      this.due = Infinity;
      // Who comes back to this tab has it read at once.
      if (!document.hidden && !isGone()) this.again();
      else this.schedule(EVERY_MS);
    }, milliseconds);
  }

  draw() {
    if (this.leaving.signal.aborted || (!this.read && !this.error)) return;
    // Nobody answers: the banner says so above what is known from before.
    const quiet = this.read && this.error instanceof Gone;
    const wrong = this.error && !quiet && trouble(this.error);
    const shown = this.read ? this.page.show(this.data, this) : h("h1", { class: "unseen", tabindex: "-1" }, titleOf(this.page, this.parameters));
    const fresh = h("main", { id: "page", tabindex: "-1" }, h("div", { class: "stack" }, wrong, shown));
    become(this.main, fresh);
    if (this.moveFocus) {
      this.moveFocus = false;
      this.main.querySelector("h1")?.focus();
    }
  }
}

const titleOf = ({ title }, parameters) => (typeof title === "function" ? title(...parameters) : title);
