// Levels of every SKU, and the search among them.

import { get, part } from "../api.js";
import { h } from "../dom.js";
import { units } from "../format.js";
import { table } from "../parts/table.js";
import { badge, empty, head, more, skuLink } from "../parts/words.js";

const PAGE = 100;
/** SKUs that one search looks through before it asks whether to go on. */
const SEARCH = 3_000;

export const stock = {
  title: "Stock",
  topics: ["StockReceived", "InventoryAdjustment", "LowStockAlert", "StockRecovered", "StockDeducted"],

  async read(_parameters, { signal, memory }) {
    memory.text ??= "";
    memory.rows ??= PAGE;
    memory.scan ??= SEARCH;
    return memory.text ? searched(memory, signal) : walked(memory.rows, () => true, memory.rows, signal);
  },

  show({ found, cursor, seen }, visit) {
    const { memory } = visit;
    return [
      head("Stock", "How much there is of each SKU, over all warehouses."),
      search(visit),
      h("section", { class: "card" }, found.length ? levels(found) : nothing(memory.text),
        memory.text && cursor
          ? h("div", { class: "more" }, `Looked through ${units(seen)} SKUs.`, h("button", { type: "button", class: "small", onclick: () => visit.change({ scan: memory.scan + SEARCH }) }, "Look further"))
          : more(found.length, cursor, () => visit.change({ rows: memory.rows + PAGE }))),
    ];
  },
};

/** What is written letter by letter comes first; then whatever has these letters in its SKU or name. */
async function searched({ text, scan }, signal) {
  const wanted = text.toLowerCase();
  const exact = exactly(text, signal);
  const walk = await walked(PAGE, ({ sku, name }) => `${sku} ${name}`.toLowerCase().includes(wanted), scan, signal);
  const one = await exact;
  if (one && !walk.found.some(({ sku }) => sku === one.sku)) walk.found.unshift(one);
  return walk;
}

async function exactly(sku, signal) {
  if (sku.length > 64) return null;
  try {
    const [stock, product] = await Promise.all([get(`v1/stock/${part(sku)}`, {}, signal), get(`v1/products/${part(sku)}`, {}, signal)]);
    return { ...product, ...stock };
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** Products and their levels come in the same order, so a page of one goes with a page of the other. */
async function walked(wanted, passes, most, signal) {
  const found = [];
  let seen = 0;
  let [products, levels] = [{}, { next_cursor: null }];
  do {
    [products, levels] = await Promise.all([
      get("v1/products", { limit: PAGE, cursor: products.next_cursor }, signal),
      get("v1/stock", { limit: PAGE, cursor: levels.next_cursor }, signal),
    ]);
    const names = new Map(products.data.map((product) => [product.sku, product]));
    const rows = levels.data.map((level) => ({ name: "", ...names.get(level.sku), ...level }));
    found.push(...rows.filter(passes));
    seen += rows.length;
  } while (levels.next_cursor && seen < most && found.length < wanted);
  return { found: found.slice(0, wanted), cursor: levels.next_cursor, seen };
}

function search(visit) {
  const oninput = (event) => visit.change({ text: event.target.value.trim(), rows: PAGE, scan: SEARCH });
  return h("form", { class: "search", role: "search", onsubmit: (event) => event.preventDefault() },
    h("label", {}, h("span", { class: "unseen" }, "Search"), h("input", { type: "search", placeholder: "SKU or name", autocomplete: "off", spellcheck: "false", oninput })));
}

function levels(rows) {
  return table("Stock", [
    { title: "SKU", name: true, show: ({ sku, name }) => [skuLink(sku), name && h("span", { class: "sub" }, name)] },
    { title: "On hand", number: true, show: (row) => units(row.on_hand) },
    { title: "Reserved", number: true, later: true, show: (row) => units(row.reserved) },
    { title: "Available", number: true, show: (row) => units(row.available) },
    { title: "Warehouses", number: true, later: true, show: (row) => units(row.warehouses.length) },
    { title: "Note", quiet: true, show: (row) => (row.warehouses.some(({ low }) => low) ? badge("Low", "warn") : "") },
  ], rows, ({ sku }) => sku);
}

function nothing(text) {
  if (text) return empty("No SKU or name has these letters.", "Try fewer of them.");
  return empty("There are no products yet.", "Put one with ", h("code", {}, "PUT /v1/products/{sku}"), " or ", h("code", {}, "inventory product put"), ", then take goods in.");
}
