// What a person may do to the stock of a SKU: take goods in, correct by a difference, count anew.

import { send, part } from "../api.js";
import { change, units } from "../format.js";
import { question } from "./dialog.js";

const QUANTITY = { type: "number", inputmode: "numeric", required: true, step: 1 };
const REASON = { name: "reason", label: "Reason", required: true, maxlength: 64, hint: "It stands in the audit log." };

export function receive({ stock, product, warehouses }) {
  const lots = product.lot_controlled && [
    { name: "lot", label: "Lot", required: true, maxlength: 64 },
    { name: "expires_on", label: "Expires on", type: "date", hint: "The last day on which it may be sold." },
  ];
  return question({
    title: `Receive ${stock.sku}`,
    fields: [
      warehouseField(warehouses),
      { name: "quantity", label: "Quantity", min: 1, max: 1e12, ...QUANTITY },
      ...(lots || []),
      { name: "reason", label: "Reason", maxlength: 64, placeholder: "receipt" },
    ].filter(Boolean),
    effect: ({ quantity }) => (quantity ? `${units(quantity)} come in.` : "How many come in?"),
    act: "Receive",
    async run(values, once) {
      const body = given({ sku: stock.sku, ...values, warehouse_id: Number(values.warehouse_id ?? warehouses[0]?.id ?? 1) });
      const after = await send("POST", "v1/receipts", body, { once });
      return `Received. ${units(after.on_hand)} of ${after.sku} are on hand in warehouse ${after.warehouse_id}.`;
    },
  });
}

export function adjust({ stock }) {
  const places = placesOf(stock);
  return question({
    title: `Adjust ${stock.sku}`,
    lead: "For goods that were found, broken or lost. To set a level to what was counted, use Recount.",
    fields: [
      placeField(places),
      { name: "delta", label: "Difference", placeholder: "-3", min: -1e12, max: 1e12, ...QUANTITY },
      REASON,
    ].filter(Boolean),
    effect: ({ place, delta }) => delta ? `On hand ${places[place ?? 0].name}: ${units(places[place ?? 0].on_hand)} becomes ${units(places[place ?? 0].on_hand + delta)}.` : "By how much?",
    act: "Adjust",
    async run({ place, delta, reason }, once) {
      const { warehouse_id, lot } = places[place ?? 0];
      const after = await send("POST", "v1/adjustments", given({ sku: stock.sku, delta, reason, warehouse_id, lot }), { once });
      return `Adjusted by ${change(delta)}. ${units(after.on_hand)} of ${after.sku} are on hand in warehouse ${after.warehouse_id}.`;
    },
  });
}

export function recount({ stock }) {
  const places = placesOf(stock);
  return question({
    title: `Recount ${stock.sku}`,
    lead: "Holds only if nothing has moved since this was opened; otherwise it is refused, and you look again.",
    fields: [
      placeField(places),
      { name: "counted", label: "Counted", min: 0, max: 1e12, ...QUANTITY },
      REASON,
    ].filter(Boolean),
    effect: ({ place, counted }) => counted === null ? "How many are there?" : `On hand ${places[place ?? 0].name}: ${units(places[place ?? 0].on_hand)} becomes ${units(counted)} (${change(counted - places[place ?? 0].on_hand)}).`,
    act: "Set on hand",
    async run({ place, counted, reason }) {
      const { warehouse_id, lot, version } = places[place ?? 0];
      // The version that the reader has seen, as GET's ETag writes it.
      const after = await send("PUT", `v1/stock/${part(stock.sku)}/on-hand`, given({ counted, reason, warehouse_id, lot }), { tag: `"${version}"` });
      return `Recounted. ${units(after.on_hand)} of ${after.sku} are on hand in warehouse ${after.warehouse_id}.`;
    },
  });
}

/** Rows that can be corrected: those of lots where a SKU has lots, else those of warehouses. */
function placesOf({ warehouses }) {
  const places = warehouses.flatMap(({ lots, ...here }) => lots ? lots.map((lot) => ({ ...lot, warehouse_id: here.warehouse_id })) : [here]);
  const found = places.length ? places : [{ warehouse_id: 1, on_hand: 0, version: 0 }];
  return found.map((place) => ({ ...place, name: `in warehouse ${place.warehouse_id}${place.lot ? `, lot ${place.lot}` : ""}` }));
}

function placeField(places) {
  return places.length > 1 && { name: "place", label: "Where", options: places.map(({ warehouse_id: id, lot, on_hand: there }, n) => [n, `Warehouse ${id}${lot ? `, lot ${lot}` : ""} · ${units(there)} on hand`]) };
}

function warehouseField(warehouses) {
  return warehouses.length > 1 && { name: "warehouse_id", label: "Warehouse", options: warehouses.map(({ id, name, code }) => [id, `${id} · ${name ?? code}`]) };
}

/** Without what was left empty. */
const given = (body) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined));
