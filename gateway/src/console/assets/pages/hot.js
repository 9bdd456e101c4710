// SKUs that many want at once, and how many.

import { list } from "../api.js";
import { h } from "../dom.js";
import { amount, units } from "../format.js";
import { plot } from "../parts/plot.js";
import { table } from "../parts/table.js";
import { badge, card, empty, head, skuLink, when } from "../parts/words.js";

const KEPT = 150;
const LINES = 4;

/** Rates as they were seen since the console was opened: [{at, rates}]. */
const seen = [];

export const hot = {
  title: "Hot SKUs",
  topics: ["HotSkuChanged"],
  every: 2_000,

  async read(_parameters, { signal }) {
    const { rows } = await list("v1/hot", {}, { most: 100, signal });
    seen.push({ at: Date.now() / 1_000, rates: new Map(rows.map((row) => [nameOf(row), row.rate])) });
    seen.splice(0, seen.length - KEPT);
    return rows;
  },

  show(rows) {
    return [
      head("Hot SKUs", "Wanted so often that they go the quick way. They cool down by themselves."),
      rows.length > 0 && card("Commands a second", ratePlot(rows), { aside: "the most wanted" }),
      h("section", { class: "card" }, rows.length
        ? warm(rows)
        : empty("Nothing is hot.", "A SKU gets hot when its rate passes ", h("code", {}, "--hot-qps"), " or its row is contended, or by hand: ", h("code", {}, "inventory hot"), ".")),
    ];
  },
};

const nameOf = ({ sku, warehouse_id: id }) => (id === 1 ? sku : `${sku}, warehouse ${id}`);

function ratePlot(rows) {
  const series = rows.slice(0, LINES).map((row) => {
    const name = nameOf(row);
    return { name, show: amount, values: seen.map(({ rates }) => rates.get(name) ?? 0) };
  });
  return plot({ label: "Commands a second", times: seen.map(({ at }) => at), series });
}

function warm(rows) {
  return table("Hot SKUs", [
    { title: "SKU", name: true, show: ({ sku }) => skuLink(sku) },
    { title: "Warehouse", number: true, show: ({ warehouse_id: id }) => id },
    { title: "A second", number: true, show: ({ rate }) => units(rate) },
    { title: "Since", show: ({ since }) => when(since) },
    { title: "Note", quiet: true, later: true, show: ({ by_hand: byHand }) => (byHand ? badge("By hand", "calm") : "") },
  ], rows, nameOf);
}
