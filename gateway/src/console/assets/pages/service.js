// The gateway itself: whether it reaches the database, how fast it is, what it sells while it cannot.

import { ask } from "../api.js";
import { h } from "../dom.js";
import { amount, units } from "../format.js";
import { batchPlot, eventPlot, latencyPlot, waitPlot } from "../parts/figures.js";
import { live } from "../live.js";
import { card, empty, facts, head, tile, tiles } from "../parts/words.js";
import { sampler } from "../sampler.js";

const BREAKER = [["Closed", "good", "the database answers"], ["Half open", "warn", "trying the database again"], ["Open", "bad", "selling from leases"]];

export const service = {
  title: "Service",
  topics: [],
  every: 3_000,
  figures: true,

  async read(_parameters, { signal }) {
    try {
      await ask("readyz", { signal });
      return { why: null };
    } catch (error) {
      if (error.status !== 503) throw error;
      return { why: error.detail };
    }
  },

  show({ why }) {
    const now = sampler.latest ?? {};
    const [word, tone, note] = BREAKER[now.breaker] ?? ["–"];
    return [
      head("Service", "This gateway, since it was started."),
      tiles(
        tile("Ready", why ? "No" : "Yes", { tone: why ? "bad" : "good", note: why ?? "work may be sent here" }),
        tile("Breaker", word, { tone, note }),
        tile("Connections", now.busy === undefined ? "–" : units(now.busy), { unit: `of ${units((now.busy ?? 0) + (now.idle ?? 0))} busy` }),
        tile("Requests", amount(now.requestRate), { unit: "a second" }),
        tile("In one commit", amount(now.batchMean), { unit: "commands", note: "group commit, mean" }),
      ),
      h("div", { class: "columns" },
        card("Time a command takes", latencyPlot()),
        card("Commands in one commit", batchPlot()),
        card("Waiting for a connection", waitPlot()),
        live.state === "live" && card("Events a second", eventPlot(), { aside: "of the whole database" })),
      h("div", { class: "columns" }, card("Leases", leases(now)), card("Row locks", locks(now.locks))),
    ];
  },
};

function leases({ openLeases, overdueLeases, leases, leased, untold }) {
  const keepsNone = leases === null || leases === undefined;
  if (keepsNone && !openLeases) {
    return empty("This gateway keeps no leases.", "With ", h("code", {}, "--journal-dir"), " it sells on from goods set aside while the database is away.");
  }
  return facts([
    ["Of all gateways", units(openLeases)],
    ["Past their time", units(overdueLeases)],
    ["This gateway’s", keepsNone ? "none" : units(leases)],
    ["Units left in them", keepsNone ? null : units(leased)],
    ["Sales not told yet", keepsNone ? null : units(untold)],
  ]);
}

function locks(outcomes) {
  if (!outcomes) return empty("No figures yet.");
  return facts([
    ["Had their rows", units(outcomes.acquired)],
    ["Waited for another transaction", units(outcomes.waited)],
    ["Refused as busy", units(outcomes.busy)],
  ]);
}
