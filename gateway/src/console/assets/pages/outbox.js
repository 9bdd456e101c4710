// Events on their way to the sinks: how many wait, and those that no sink would take.

import { list, part, send } from "../api.js";
import { h } from "../dom.js";
import { duration, units, word } from "../format.js";
import { sampled } from "../parts/figures.js";
import { question } from "../parts/dialog.js";
import { table } from "../parts/table.js";
import { badge, card, empty, head, more, notOffered, skuLink, tile, tiles, when } from "../parts/words.js";
import { sampler } from "../sampler.js";

const PAGE = 50;
const STATES = ["DEAD", "RETRY", "PENDING", "SENT"];

export const outbox = {
  title: "Outbox",
  every: 5_000,
  figures: true,

  async read(_parameters, { signal, memory }) {
    memory.rows ??= PAGE;
    memory.status ??= "DEAD";
    try {
      return await list("v1/outbox", { status: memory.status }, { most: memory.rows, signal });
    } catch (error) {
      if (error.isNotOffered) return null;
      throw error;
    }
  },

  show(found, visit) {
    const { pending, lag } = sampler.latest ?? {};
    return [
      head("Outbox", "Every event goes to every sink, in order a SKU, at least once."),
      tiles(tile("Waiting", units(pending), { unit: "events" }), tile("The oldest for", lag === 0 ? "–" : duration(lag))),
      card("Waiting events", sampled("Waiting events", [["waiting", "pending"]], { show: units })),
      found ? events(found, visit) : notOffered("a list of the outbox", "The figures above are of its metrics."),
    ];
  },
};

function events({ rows, cursor }, visit) {
  const { memory } = visit;
  const onchange = (event) => visit.change({ status: event.target.value, rows: PAGE });
  return [
    h("form", { class: "search", onsubmit: (event) => event.preventDefault() },
      h("label", {}, h("span", { class: "unseen" }, "Status"), h("select", { onchange }, STATES.map((state) => h("option", { value: state, selected: state === memory.status }, word(state)))))),
    h("section", { class: "card" }, rows.length ? shown(rows, visit) : nothing(memory.status),
      more(rows.length, cursor, () => visit.change({ rows: memory.rows + PAGE }))),
  ];
}

function shown(rows, visit) {
  const redrive = (row) => h("button", { type: "button", class: "small", "aria-label": `Redrive event ${row.id}${row.sink ? ` to ${row.sink}` : ""}`, onclick: async () => (await ask(row)) && visit.again() }, "Redrive");
  return table("Events", [
    { title: "Event", name: true, show: ({ id, event_type: type }) => [word(type), h("span", { class: "sub" }, id)] },
    { title: "SKU", name: true, show: ({ payload }) => (payload.sku ? skuLink(payload.sku) : "–") },
    { title: "Sink", name: true, show: ({ sink, error }) => [sink ?? "–", error && h("span", { class: "sub" }, error)] },
    { title: "Status", show: ({ status }) => badge(status) },
    { title: "Attempts", number: true, show: ({ attempts }) => units(attempts) },
    { title: "Next", later: true, show: ({ next_attempt_at: at }) => when(at) },
    { title: "Since", later: true, show: ({ at }) => when(at) },
    { title: "What to do", quiet: true, show: (row) => (["DEAD", "RETRY"].includes(row.status) ? redrive(row) : "") },
  ], rows, ({ id, sink }) => `${id}.${sink ?? ""}`);
}

function ask({ id, sink, event_type: type, error }) {
  return question({
    title: `Redrive event ${id}?`,
    lead: error ?? word(type),
    effect: () => `It is sent ${sink ? `to ${sink} ` : ""}again, and what waits behind it for the same SKU follows.`,
    act: "Redrive",
    async run(_values, once) {
      await send("POST", `v1/outbox/${part(id)}/redrive`, sink ? { sink } : undefined, { once });
      return `Event ${id} is on its way again.`;
    },
  });
}

function nothing(status) {
  if (status === "DEAD") return empty("No event is dead.", "An event that a sink refuses too often ends here, and can be redriven.");
  return empty(`No event is ${word(status).toLowerCase()}.`);
}
