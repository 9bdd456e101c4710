// Orders with their states.

import { list } from "../api.js";
import { h } from "../dom.js";
import { word } from "../format.js";
import { table } from "../parts/table.js";
import { badge, empty, head, more, orderLink, when } from "../parts/words.js";

const PAGE = 50;
const STATES = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REVERTED"];
const ORDER_NO = /^\d{23}$/;

export const orders = {
  title: "Orders",
  topics: ["OrderStateChanged"],

  read(_parameters, { signal, memory }) {
    memory.rows ??= PAGE;
    const query = { state: memory.state, external_ref: memory.reference };
    return list("v1/orders", query, { most: memory.rows, signal });
  },

  show({ rows, cursor }, visit) {
    return [
      head("Orders", "From pending to completed, or back."),
      search(visit),
      h("section", { class: "card" }, rows.length ? shown(rows) : nothing(visit.memory),
        more(rows.length, cursor, () => visit.change({ rows: visit.memory.rows + PAGE }))),
    ];
  },
};

function search(visit) {
  const look = (event) => {
    event.preventDefault();
    const { reference, state } = Object.fromEntries(new FormData(event.currentTarget));
    if (ORDER_NO.test(reference.trim())) {
      location.hash = `#/orders/${reference.trim()}`;
      return;
    }
    visit.change({ reference: reference.trim(), state, rows: PAGE });
  };
  return h("form", { class: "search", role: "search", onsubmit: look, onchange: look },
    h("label", {}, h("span", { class: "unseen" }, "Order number or reference"), h("input", { name: "reference", type: "search", placeholder: "Order number, or your own reference", autocomplete: "off" })),
    h("label", {}, h("span", { class: "unseen" }, "State"), h("select", { name: "state" }, h("option", { value: "" }, "Every state"), STATES.map((state) => h("option", { value: state }, word(state))))));
}

function shown(rows) {
  return table("Orders", [
    { title: "Order", show: ({ order_no: number }) => orderLink(number) },
    { title: "State", show: ({ state }) => badge(state) },
    { title: "Changed", later: true, show: ({ changed_at: at }) => when(at) },
    { title: "Reference", name: true, later: true, show: ({ external_ref: reference }) => reference ?? "–" },
    { title: "Direction", later: true, show: ({ direction }) => word(direction) },
    { title: "Warehouse", number: true, later: true, show: ({ warehouse_id: id }) => id },
  ], rows, ({ order_no: number }) => number);
}

function nothing({ reference, state }) {
  if (reference || state) return empty("No order is like that.", "A reference is looked for letter by letter.");
  return empty("There are no orders yet.", "Orders of ", h("code", {}, "POST /v1/orders"), " stand here. A plain deduction has a number too; it is among the movements of its SKU.");
}
