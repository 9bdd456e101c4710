// What a check found, and what a person decides of it.

import { list, part, send } from "../api.js";
import { h } from "../dom.js";
import { change, units, word } from "../format.js";
import { question } from "../parts/dialog.js";
import { table } from "../parts/table.js";
import { delta, empty, head, more, notOffered, skuLink, when } from "../parts/words.js";

const PAGE = 50;
const STATES = ["PENDING", "CONFIRMED", "DONE", "REJECTED"];
const SOURCES = { database: "Database", redis: "Redis", ledger: "A gateway's journal", shadow: "Shadow" };

export const repairs = {
  title: "Repairs",
  every: 5_000,

  async read(_parameters, { signal, memory }) {
    memory.rows ??= PAGE;
    memory.status ??= "PENDING";
    try {
      return await list("v1/repairs", { status: memory.status }, { most: memory.rows, signal });
    } catch (error) {
      if (error.isNotOffered) return null;
      throw error;
    }
  },

  show(found, visit) {
    const lead = "Where a check found a copy of the stock to differ. Nothing is changed before a person has confirmed it.";
    if (!found) return [head("Repairs", lead), notOffered("repair tickets", "They came with a later version.")];
    return [head("Repairs", lead), filter(visit),
      h("section", { class: "card" }, found.rows.length ? shown(found.rows, visit) : nothing(visit.memory.status),
        more(found.rows.length, found.cursor, () => visit.change({ rows: visit.memory.rows + PAGE })))];
  },
};

function filter(visit) {
  const { memory } = visit;
  const onchange = (event) => visit.change({ status: event.target.value, rows: PAGE });
  return h("form", { class: "search", onsubmit: (event) => event.preventDefault() },
    h("label", {}, h("span", { class: "unseen" }, "Status"), h("select", { onchange }, STATES.map((state) => h("option", { value: state, selected: state === memory.status }, word(state))))));
}

function shown(rows, visit) {
  return table("Repair tickets", [
    { title: "What", name: true, show: aboutWhat },
    { title: "Source", later: true, show: ({ scope }) => SOURCES[scope] ?? scope },
    { title: "Expected, found", name: true, show: ({ expected, found }) => [expected, h("span", { class: "sub" }, `${found} was found`)] },
    { title: "Difference", number: true, later: true, show: ({ delta: n }) => (n ? delta(n, change(n)) : "–") },
    { title: "Since", later: true, show: ({ opened_at: at }) => when(at) },
    { title: "What to do", quiet: true, show: (row) => choices(row, visit) },
  ], rows, ({ ticket_id: id }) => id);
}

function aboutWhat({ ticket_id: id, sku, warehouse_id: warehouse, lot, kind, subject, decided_by: by, counted, note }) {
  const place = sku && `warehouse ${warehouse}${lot ? `, lot ${lot}` : ""}`;
  const decided = [by && `by ${by}`, counted !== null && `counted ${units(counted)}`, note].filter(Boolean).join(", ");
  const about = [`Ticket ${id}`, place, word(kind).toLowerCase()].filter(Boolean).join(" · ");
  return [sku ? skuLink(sku) : subject, h("span", { class: "sub" }, about), decided && h("span", { class: "sub" }, decided)];
}

function choices(row, visit) {
  const { ticket_id: id, state, correctable } = row;
  const choice = (text, ask) => h("button", { type: "button", class: "small", "aria-label": `${text} ticket ${id}`, onclick: async () => (await ask(row)) && visit.again() }, text);
  if (state !== "PENDING" && state !== "CONFIRMED") return "";
  return h("div", { class: "actions" },
    state === "CONFIRMED" && choice("Run", carryOut),
    state === "PENDING" && correctable && choice("Confirm", confirm),
    choice("Reject", reject));
}

const lead = ({ subject, expected, found }) => `${subject}: ${expected} is expected, ${found} was found.`;

function confirm(row) {
  const { ticket_id: id, countable } = row;
  const counted = { name: "counted", label: "Counted", hint: "Units on the shelf. Leave it empty where the journal is right.", type: "number", min: 0, step: 1 };
  return question({
    title: `Confirm ticket ${id}?`,
    lead: lead(row),
    fields: countable ? [counted] : [],
    effect: () => "It may be carried out then. Until somebody runs it, nothing changes.",
    act: "Confirm",
    async run({ counted: units }, once) {
      await send("POST", `v1/repairs/${part(id)}/confirm`, { counted: units }, { once });
      return `Ticket ${id} is confirmed.`;
    },
  });
}

function reject(row) {
  const { ticket_id: id } = row;
  return question({
    title: `Reject ticket ${id}?`,
    lead: lead(row),
    fields: [{ name: "reason", label: "Reason", hint: "For those who see it again.", required: true, maxlength: 64 }],
    effect: () => "It stays as it is, and is not asked about again while it does.",
    act: "Reject",
    danger: true,
    async run({ reason }, once) {
      await send("POST", `v1/repairs/${part(id)}/reject`, { reason }, { once });
      return `Ticket ${id} is rejected.`;
    },
  });
}

function carryOut(row) {
  const { ticket_id: id } = row;
  return question({
    title: `Run ticket ${id}?`,
    lead: lead(row),
    effect: () => "The stock is corrected, once, with the ticket as its reason in the audit log.",
    act: "Run",
    async run(_values, once) {
      const { state } = await send("POST", `v1/repairs/${part(id)}/run`, undefined, { once });
      return state === "DONE" ? `Ticket ${id} is done.` : `Ticket ${id} was not carried out: the stock changed meanwhile. Check again, then confirm it anew.`;
    },
  });
}

function nothing(status) {
  if (status === "PENDING") return empty("No ticket waits.", "What ", h("code", {}, "inventory check"), " finds and may not set right by itself stands here.");
  return empty(`No ticket is ${word(status).toLowerCase()}.`);
}
