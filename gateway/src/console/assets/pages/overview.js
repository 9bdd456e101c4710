// What goes on right now, and what somebody should look at.

import { get } from "../api.js";
import { h } from "../dom.js";
import { amount, duration, units } from "../format.js";
import { live } from "../live.js";
import { latencyPlot, ratePlot } from "../parts/figures.js";
import { eventTable, movementTable } from "../parts/movements.js";
import { card, empty, head, tile, tiles } from "../parts/words.js";
import { sampler } from "../sampler.js";

const FEED = 25;

export const overview = {
  title: "Overview",
  topics: ["LowStockAlert", "StockRecovered"],
  figures: true,

  async read(_parameters, { signal }) {
    const first = (path, query) => get(path, { limit: 100, ...query }, signal).then(({ data, next_cursor: next }) => ({ count: data.length, more: next !== null }));
    const optional = (asked) => asked.catch((error) => (error.isNotOffered ? null : Promise.reject(error)));
    const [movements, low, dead, sagas, tickets] = await Promise.all([
      get("v1/audit", { limit: FEED }, signal),
      first("v1/stock", { low: true }),
      optional(first("v1/outbox", { status: "DEAD" })),
      optional(first("v1/sagas", { status: "NEEDS_ATTENTION" })),
      optional(first("v1/repairs", { status: "PENDING" })),
    ]);
    return { movements: movements.data, low, dead, sagas, tickets };
  },

  show({ movements, low, dead, sagas, tickets }) {
    return [
      head("Overview", "What the stock does right now."),
      figures(),
      h("div", { class: "columns" }, card("Deductions a second", ratePlot(), { aside: "this gateway" }), card("Time a command takes", latencyPlot(), { aside: "this gateway" })),
      h("div", { class: "columns wide-first" }, feed(movements), attention({ low, dead, sagas, tickets })),
    ];
  },
};

function figures() {
  const now = sampler.latest ?? {};
  return tiles(
    tile("Accepted", amount(now.acceptedRate), { unit: "a second" }),
    tile("Refused", amount(now.refusedRate), { unit: "a second" }),
    tile("Latency, p50", duration(now.p50)),
    tile("Latency, p99", duration(now.p99)),
    tile("Outbox", units(now.pending), { unit: "waiting", note: now.lag ? `the oldest for ${duration(now.lag)}` : null }),
  );
}

function feed(movements) {
  const title = "As it happens";
  if (live.recent.length) return card(title, eventTable(live.recent.slice(0, FEED)), { flush: true, aside: "every gateway and client" });
  if (movements.length) return card(title, movementTable("The newest movements", movements, { sku: true }), { flush: true, aside: "the newest movements" });
  return card(title, empty("Nothing has moved yet.", "Take goods in with ", h("code", {}, "POST /v1/receipts"), ", or try ", h("code", {}, "make demo"), ": it appears here at once."));
}

function attention({ low, dead, sagas, tickets }) {
  const breaker = sampler.latest?.breaker;
  const points = [
    breaker > 0 && ["#/service", "The database does not answer", "the breaker is not closed"],
    counted(dead, "#/outbox", "event is dead", "events are dead", "no sink took them; redrive them once it does"),
    counted(sagas, "#/sagas", "saga needs attention", "sagas need attention", "tried too often, or an undoing was refused"),
    counted(tickets, "#/repairs", "repair ticket waits", "repair tickets wait", "a check found it; somebody has to decide"),
    counted(low, "#/low", "SKU is low", "SKUs are low", "at or below the threshold"),
  ].filter(Boolean);
  if (!points.length) return card("Needs attention", empty("Nothing.", "No stock is low, nothing is stuck."));
  return card("Needs attention", h("ul", { class: "stack" }, points.map(([href, text, why]) => h("li", { "data-key": href }, h("a", { href }, text), h("div", { class: "quiet" }, why)))));
}

function counted(found, href, one, many, why) {
  if (!found?.count) return null;
  return [href, `${units(found.count)}${found.more ? " or more" : ""} ${found.count === 1 ? one : many}`, why];
}
