// One SKU: its levels, how they came to be, and what a person may correct.

import { getVersioned, get, list, part } from "../api.js";
import { h } from "../dom.js";
import { units } from "../format.js";
import { adjust, receive, recount } from "../parts/corrections.js";
import { movementTable } from "../parts/movements.js";
import { plot } from "../parts/plot.js";
import { table } from "../parts/table.js";
import { badge, card, empty, head, more, tile, tiles } from "../parts/words.js";

/** Movements that the plot is drawn of at least, and those that the table shows. */
const HISTORY = 300;
const SHOWN = 50;

const UNREAD = { product: { name: null, unit: "each", lot_controlled: false, low_stock_threshold: null }, warehouses: [], history: { rows: [], cursor: null } };

export const sku = {
  title: (name) => name,

  async read([name], { signal, memory }) {
    memory.shown ??= SHOWN;
    const most = Math.max(HISTORY, memory.shown);
    const { value: stock } = await getVersioned(`v1/stock/${part(name)}`, {}, signal);
    // The database is away: its level is known, and of the rest what was read before.
    if (stock.stale) return { ...(memory.read ?? UNREAD), stock };
    const [product, { data: warehouses }, history] = await Promise.all([
      get(`v1/products/${part(name)}`, {}, signal),
      get("v1/warehouses", { limit: 100 }, signal),
      list("v1/audit", { sku: name }, { most, signal }),
    ]);
    memory.read = { product, warehouses, history };
    return { ...memory.read, stock };
  },

  show({ stock, product, warehouses, history }, visit) {
    const act = (ask) => async () => (await ask({ stock, product, warehouses })) && visit.again();
    const button = (text, ask) => h("button", { type: "button", onclick: act(ask) }, text);
    const low = stock.warehouses.some((place) => place.low);
    return [
      head([stock.sku, " ", low && badge("Low", "warn"), stock.stale && badge("As last known", "warn")], product.name, {
        crumb: { href: "#/stock", text: "Stock" },
        actions: !stock.stale && [button("Receive", receive), button("Adjust", adjust), button("Recount", recount)],
      }),
      tiles(
        tile("Available", units(stock.available), { unit: unit(product), tone: stock.available > 0 ? "" : "bad" }),
        tile("On hand", units(stock.on_hand)),
        tile("Reserved", units(stock.reserved)),
        tile("Low at", units(product.low_stock_threshold), { note: product.low_stock_threshold === null ? "not watched" : "a warehouse" }),
      ),
      card("On hand over time", levelPlot(history.rows, stock, product), { aside: history.rows.length ? `${units(history.rows.length)} movements` : null }),
      stock.warehouses.length > 0 && card("Where it lies", places(stock), { flush: true }),
      stock.warehouses.some(({ lots }) => lots?.length) && card("Lots", lots(stock), { flush: true }),
      card("Movements", history.rows.length
        ? movements(history, product, visit)
        : stock.stale ? empty("Its movements cannot be read now.") : empty("Nothing of it has moved yet.", "Receive some to begin with."), { flush: true }),
    ];
  },
};

function movements({ rows, cursor }, { lot_controlled: lots }, visit) {
  const { shown } = visit.memory;
  return [
    movementTable("Movements", rows.slice(0, shown), { lots }),
    more(shown, cursor || rows.length > shown, () => visit.change({ shown: shown + SHOWN })),
  ];
}

const unit = ({ unit }) => (unit === "each" ? null : unit);

/** A stepped line a warehouse; between its movements a level stays what it was. */
function levelPlot(rows, { warehouses }, { lot_controlled: lots }) {
  const moved = rows.filter(({ after_qty: after }) => after !== null).reverse();
  const ids = [...new Set(moved.map(({ warehouse_id: id }) => id))].sort((a, b) => a - b).slice(0, 4);
  const times = moved.map(({ at }) => Date.parse(at) / 1_000);
  const now = (id) => warehouses.find(({ warehouse_id: here }) => here === id)?.on_hand ?? 0;
  const values = (id) => (lots ? countedBack(moved, id, now(id)) : levelsAt(moved, id));
  const series = ids.map((id) => ({ name: ids.length > 1 ? `warehouse ${id}` : "on hand", show: units, steps: true, values: values(id) }));
  if (times.length) {
    times.push(Date.now() / 1_000);
    for (const { values } of series) values.push(values.at(-1));
  }
  return plot({ label: "On hand over time", tall: true, times, series, waiting: "No movements yet." });
}

function levelsAt(moved, id) {
  const first = moved.find(({ warehouse_id: here }) => here === id);
  let level = first.before_qty;
  return moved.map(({ warehouse_id: here, after_qty: after }) => (level = here === id ? after : level));
}

/** A movement of a lot tells the level of that lot alone, so that of the place is counted back from what is there now. */
function countedBack(moved, id, now) {
  let level = now;
  const values = moved.toReversed().map(({ warehouse_id: here, before_qty: before, after_qty: after }) => {
    const then = level;
    if (here === id) level -= after - before;
    return then;
  });
  return values.reverse();
}

function places({ warehouses }) {
  return table("Where it lies", [
    { title: "Warehouse", show: ({ warehouse_id: id }) => id },
    ...LEVELS,
    { title: "Note", quiet: true, show: ({ low }) => (low ? badge("Low", "warn") : "") },
  ], warehouses, ({ warehouse_id: id }) => `w${id}`);
}

function lots({ warehouses }) {
  const rows = warehouses.flatMap(({ warehouse_id, lots = [] }) => lots.map((lot) => ({ warehouse_id, ...lot })));
  return table("Lots", [
    { title: "Lot", name: true, show: ({ lot }) => lot },
    { title: "Warehouse", number: true, show: ({ warehouse_id: id }) => id },
    { title: "Expires", show: ({ expires_on: day }) => h("span", { class: "nowrap" }, day ?? "–") },
    ...LEVELS,
  ], rows, ({ warehouse_id: id, lot }) => `l${id}.${lot}`);
}

const LEVELS = [
  { title: "On hand", number: true, show: (row) => units(row.on_hand) },
  { title: "Reserved", number: true, later: true, show: (row) => units(row.reserved) },
  { title: "Available", number: true, show: (row) => units(row.available) },
];
