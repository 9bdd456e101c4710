// What is at or below its threshold somewhere.

import { get, list, part } from "../api.js";
import { h } from "../dom.js";
import { units } from "../format.js";
import { table } from "../parts/table.js";
import { empty, head, more, skuLink } from "../parts/words.js";

const PAGE = 50;
const ABREAST = 6;

/** Products as they were first asked for: a threshold seldom changes while one looks. */
const products = new Map();

export const low = {
  title: "Low stock",
  topics: ["LowStockAlert", "StockRecovered", "StockReceived"],

  async read(_parameters, { signal, memory }) {
    memory.rows ??= PAGE;
    const { rows, cursor } = await list("v1/stock", { low: true }, { most: memory.rows, signal });
    await learn(rows.map(({ sku }) => sku), signal);
    return { rows: rows.flatMap(({ sku, warehouses }) => warehouses.map((place) => ({ sku, ...place }))), cursor };
  },

  show({ rows, cursor }, visit) {
    const emptiest = rows.toSorted((a, b) => a.on_hand - b.on_hand);
    return [
      head("Low stock", "At or below the threshold of the product in that warehouse, the emptiest first."),
      h("section", { class: "card" },
        rows.length ? shelf(emptiest) : empty("Nothing is low.", "A product is watched once it has a ", h("code", {}, "low_stock_threshold"), "."),
        more(rows.length, cursor, () => visit.change({ rows: visit.memory.rows + PAGE }))),
    ];
  },
};

async function learn(skus, signal) {
  const unknown = [...new Set(skus)].filter((sku) => !products.has(sku));
  const one = async () => {
    for (let sku = unknown.pop(); sku !== undefined; sku = unknown.pop()) {
      products.set(sku, await get(`v1/products/${part(sku)}`, {}, signal));
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, one));
}

function shelf(rows) {
  return table("Low stock", [
    { title: "SKU", name: true, show: ({ sku }) => [skuLink(sku), h("span", { class: "sub" }, products.get(sku)?.name)] },
    { title: "Warehouse", number: true, show: ({ warehouse_id: id }) => id },
    { title: "On hand", number: true, show: (row) => units(row.on_hand) },
    { title: "Available", number: true, later: true, show: (row) => units(row.available) },
    { title: "Low at", number: true, show: ({ sku }) => units(products.get(sku)?.low_stock_threshold) },
  ], rows, ({ sku, warehouse_id: id }) => `${id}.${sku}`);
}
