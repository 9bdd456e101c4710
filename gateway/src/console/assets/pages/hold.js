// Goods set aside: one hold, found by its id.

import { get, part, send } from "../api.js";
import { h } from "../dom.js";
import { units } from "../format.js";
import { live } from "../live.js";
import { question } from "../parts/dialog.js";
import { table } from "../parts/table.js";
import { badge, card, empty, facts, head, holdLink, orderLink, skuLink, when } from "../parts/words.js";

export const hold = {
  title: (id) => (id ? `Hold ${id}` : "Holds"),
  topics: ["StockReserved", "StockConfirmed", "StockReleased", "StockExpired"],

  read: async ([id], { signal }) => (id ? get(`v1/reservations/${part(id)}`, {}, signal) : null),

  show(found, visit) {
    return found ? one(found, visit) : search();
  },
};

function search() {
  const look = (event) => {
    event.preventDefault();
    const id = new FormData(event.currentTarget).get("id").trim();
    if (id) location.hash = `#/holds/${encodeURIComponent(id)}`;
  };
  const recent = live.recent.filter(({ topic }) => topic === "StockReserved").slice(0, 20);
  return [
    head("Holds", "Goods set aside for a while: by a reservation, or by an order that is being processed."),
    h("form", { class: "search", role: "search", onsubmit: look },
      h("label", {}, h("span", { class: "unseen" }, "Reservation id"), h("input", { name: "id", type: "search", placeholder: "Reservation id", autocomplete: "off" })),
      h("button", {}, "Look")),
    h("section", { class: "card" }, recent.length
      ? table("The newest holds", [
        { title: "When", show: ({ at }) => when(at) },
        { title: "Hold", show: ({ payload }) => (payload.reservation_id ? holdLink(payload.reservation_id) : "–") },
        { title: "SKU", name: true, show: ({ sku }) => skuLink(sku) },
        { title: "Held", number: true, show: ({ payload }) => units(payload.reserved_delta) },
      ], recent, ({ generation, id }) => `e${generation}.${id}`)
      : empty("Look a hold up by its id.", "Holds that are made from now on appear here by themselves.")),
  ];
}

function one(found, visit) {
  const act = (ask) => async () => (await ask(found)) && visit.again();
  const open = found.state === "HELD";
  return [
    head(["Hold ", badge(found.state)], h("code", {}, found.reservation_id), {
      crumb: { href: "#/holds", text: "Holds" },
      actions: open && [
        h("button", { type: "button", onclick: act(confirm) }, "Confirm"),
        h("button", { type: "button", onclick: act(release) }, "Release"),
      ],
    }),
    card("What it is", facts([
      ["Made", when(found.created_at)],
      ["Ends", found.expires_at ? when(found.expires_at) : "with its order"],
      ["Closed", found.closed_at && when(found.closed_at)],
      ["Order", found.order_no && orderLink(found.order_no)],
    ])),
    card("Goods", table("Goods", [
      { title: "SKU", name: true, show: ({ sku }) => skuLink(sku) },
      { title: "Warehouse", number: true, show: ({ warehouse_id: id }) => id },
      { title: "Lot", show: ({ lot }) => lot ?? "–" },
      { title: "Quantity", number: true, show: ({ quantity }) => units(quantity) },
    ], found.lines, ({ sku, warehouse_id: id, lot }) => `${id}.${sku}.${lot ?? ""}`), { flush: true }),
  ];
}

const total = ({ lines }) => lines.reduce((sum, { quantity }) => sum + quantity, 0);

function confirm(found) {
  const part_ = found.lines.length === 1 && { name: "quantity", label: "Quantity", type: "number", min: 1, max: total(found), placeholder: units(total(found)), hint: "Empty for all of it; the rest is given back." };
  return question({
    title: "Confirm this hold?",
    lead: found.reservation_id,
    fields: part_ ? [part_] : [],
    effect: ({ quantity }) => `${units(quantity ?? total(found))} leave the stock.`,
    act: "Confirm",
    async run({ quantity }, once) {
      const { order_no: number } = await send("POST", `v1/reservations/${part(found.reservation_id)}/confirm`, quantity ? { quantity } : {}, { once });
      return `Confirmed${number ? `, with the order number ${number}` : ""}.`;
    },
  });
}

function release(found) {
  return question({
    title: "Release this hold?",
    lead: found.reservation_id,
    fields: [{ name: "reason", label: "Reason", maxlength: 64, placeholder: "released" }],
    effect: () => `${units(total(found))} can be sold to others again.`,
    act: "Release",
    danger: true,
    async run({ reason }, once) {
      await send("POST", `v1/reservations/${part(found.reservation_id)}/release`, reason ? { reason } : {}, { once });
      return "Released.";
    },
  });
}
