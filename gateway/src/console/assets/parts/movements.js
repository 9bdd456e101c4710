// Movements and events as rows.

import { h } from "../dom.js";
import { change, units, word } from "../format.js";
import { table } from "./table.js";
import { badge, delta, orderLink, skuLink, when } from "./words.js";

/** Of /v1/audit, newest first; of a SKU with lots each tells the level of its lot. */
export function movementTable(caption, rows, { sku, lots } = {}) {
  return table(caption, [
    { title: "When", show: ({ at }) => when(at) },
    sku && { title: "SKU", name: true, show: (row) => skuLink(row.sku) },
    { title: "Change", number: true, show: ({ before_qty: before, after_qty: after }) => delta(after - before, after === before ? "held" : change(after - before)) },
    { title: lots ? "Of its lot" : "On hand", number: true, show: ({ after_qty: after }) => units(after) },
    { title: "Warehouse", number: true, later: true, show: ({ warehouse_id: id }) => id },
    { title: "Reason", name: true, show: ({ reason }) => reason ?? "–" },
    !sku && { title: "By", later: true, show: ({ operator }) => operator ?? "–" },
  ].filter(Boolean), rows, ({ id }) => `m${id}`);
}

const TOPICS = {
  StockReceived: ["Received", "good"], StockDeducted: ["Sold", "calm"], InventoryAdjustment: ["Adjusted", "warn"],
  StockTransferred: ["Transferred", ""], StockReserved: ["Held", ""], StockConfirmed: ["Confirmed", "calm"],
  StockReleased: ["Released", ""], StockExpired: ["Expired", "warn"], LowStockAlert: ["Low", "bad"],
  StockRecovered: ["Recovered", "good"], OrderStateChanged: ["Order", "calm"], HotSkuChanged: ["Hot SKU", "warn"],
};

/** Of /v1/events, newest first. */
export function eventTable(rows) {
  const named = (topic) => badge(...(TOPICS[topic] ?? [word(topic), ""]));
  return table("The newest events", [
    { title: "When", show: ({ at }) => when(at) },
    { title: "What", show: ({ topic }) => named(topic) },
    { title: "SKU", name: true, show: ({ sku }) => (sku ? skuLink(sku) : "–") },
    { title: "Change", number: true, show: changeOf },
    { title: "On hand", number: true, show: ({ payload }) => units(payload.on_hand) },
    { title: "Order", later: true, show: orderOf },
  ], rows, ({ generation, id }) => `e${generation}.${id}`);
}

function changeOf({ payload }) {
  const { on_hand_delta: moved, reserved_delta: held } = payload;
  if (moved) return delta(moved, change(moved));
  return held ? `${change(held)} held` : "–";
}

function orderOf({ topic, payload }) {
  const { order_no: number } = payload;
  if (!number) return "–";
  return topic === "OrderStateChanged" ? orderLink(number) : h("code", {}, number);
}
