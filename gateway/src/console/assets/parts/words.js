// Small things that every page says.

import { Gone } from "../api.js";
import { h } from "../dom.js";
import { fullTime, time, units, word } from "../format.js";

/** A time as people say it, in their zone, with the whole of it a hover away. */
export function when(text) {
  return text ? h("time", { datetime: text, title: fullTime(text) }, time(text)) : "–";
}

const TONES = {
  COMPLETED: "good", CONFIRMED: "good", SENT: "good", DONE: "good", ACCEPTED: "good",
  PROCESSING: "calm", HELD: "calm", RUNNING: "calm", CALLING: "calm",
  RETRY: "warn", REVERTING: "warn", EXPIRED: "warn", FAILED: "bad", DEAD: "bad", NEEDS_ATTENTION: "bad", REFUSED: "bad",
};

/** A state, named and coloured. */
export const badge = (state, tone = TONES[state] ?? "") => h("span", { class: `badge ${tone}` }, word(state));

export const skuLink = (sku) => h("a", { href: `#/stock/${encodeURIComponent(sku)}` }, sku);
export const orderLink = (number) => h("a", { href: `#/orders/${encodeURIComponent(number)}` }, h("code", {}, number));
export const holdLink = (id) => h("a", { href: `#/holds/${encodeURIComponent(id)}` }, h("code", {}, id));

/** A difference with its sign and colour. */
export function delta(n, text) {
  return h("span", { class: n > 0 ? "plus" : n < 0 ? "minus" : "quiet" }, text);
}

/** The top of a page. */
export function head(title, lead, { crumb, actions } = {}) {
  return h("div", { class: "head" },
    h("div", {},
      crumb && h("a", { class: "crumb", href: crumb.href }, `‹ ${crumb.text}`),
      h("h1", { tabindex: "-1" }, title),
      lead && h("p", { class: "lead" }, lead)),
    actions && h("div", { class: "actions" }, actions));
}

export function card(title, body, { aside, flush } = {}) {
  return h("section", { class: "card" },
    h("header", {}, h("h2", {}, title), aside && h("span", { class: "aside" }, aside)),
    flush ? body : h("div", { class: "body" }, body));
}

/** A figure with its name. */
export function tile(name, value, { unit, note, tone } = {}) {
  return h("div", { class: "tile" },
    h("dt", {}, name),
    h("dd", { class: tone }, value, unit && h("small", {}, unit), note && h("div", { class: "note" }, note)));
}

export const tiles = (...each) => h("dl", { class: "tiles" }, each);

/** Names and values, in order. */
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, given.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** Nothing is there; `next` says what to do about it. */
export function empty(what, ...next) {
  return h("div", { class: "empty" }, h("strong", {}, what), next.length ? h("p", {}, next) : null);
}

/** What went wrong, as people read it. */
export function trouble(error) {
  return h("div", { class: "trouble", role: "alert" }, saying(error));
}

function saying(error) {
  if (error instanceof Gone) return h("strong", {}, "The gateway does not answer. The console goes on trying.");
  const { title, detail, errors, trace_id: trace } = error;
  const heading = title ? `${title.charAt(0).toUpperCase()}${title.slice(1)}.` : "That did not work.";
  return [
    h("strong", {}, heading),
    detail && detail !== title ? h("span", {}, detail) : !title && h("span", {}, error.message),
    errors?.length > 1 && h("ul", {}, errors.map((wrong) => h("li", {}, `${wrong.pointer}: ${wrong.detail}`))),
    trace && h("span", { class: "trace" }, "Trace ", h("code", {}, trace)),
  ];
}

/** For a page whose route this gateway does not have. */
export function notOffered(what, how) {
  return h("section", { class: "card" }, empty(`This gateway does not offer ${what}.`, how));
}

/** Where a list goes on. */
export function more(rows, cursor, onmore) {
  if (!cursor) return null;
  return h("div", { class: "more" }, `The first ${units(rows)}.`, h("button", { class: "small", type: "button", onclick: onmore }, "Show more"));
}
