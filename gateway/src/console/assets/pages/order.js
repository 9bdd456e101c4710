// One order: what it asks for, where it has been, and where it may go.

import { get, part, send } from "../api.js";
import { h } from "../dom.js";
import { units, word } from "../format.js";
import { question } from "../parts/dialog.js";
import { table } from "../parts/table.js";
import { badge, card, facts, head, holdLink, skuLink, when } from "../parts/words.js";

const START = { name: "start", text: "Start", says: { outbound: "Its goods are set aside.", inbound: "It is under way." } };
const COMPLETE = { name: "complete", text: "Complete", says: { outbound: "Its goods leave the stock.", inbound: "Its goods come into the stock." } };
const FAIL = { name: "fail", text: "Fail", reason: true, danger: true, says: { outbound: "What is held for it is given back.", inbound: "Nothing comes in." } };
const REVERT = { name: "revert", text: "Revert", reason: true, danger: true, says: { outbound: "What left for it comes back into the stock.", inbound: "What came in by it leaves the stock again." } };

/** As the engine allows them; it decides, this only offers. */
const STEPS = { PENDING: [START, FAIL], PROCESSING: [COMPLETE, FAIL], COMPLETED: [REVERT], FAILED: [REVERT] };

export const order = {
  title: (number) => `Order ${number}`,
  topics: ["OrderStateChanged"],

  read: ([number], { signal }) => get(`v1/orders/${part(number)}`, {}, signal),

  show(found, visit) {
    const steps = STEPS[found.state] ?? [];
    const act = (step) => async () => (await ask(found, step)) && visit.again();
    return [
      head([h("code", {}, found.order_no), " ", badge(found.state)], null, {
        crumb: { href: "#/orders", text: "Orders" },
        actions: steps.map((step) => h("button", { type: "button", onclick: act(step) }, step.text)),
      }),
      h("div", { class: "columns" }, card("What it is", about(found)), card("Where it has been", trail(found.history))),
      card("Lines", lines(found.lines), { flush: true }),
    ];
  },
};

function ask({ order_no: number, direction, external_ref: reference }, { name, text, says, reason, danger }) {
  return question({
    title: `${text} order${reference ? ` ${reference}` : ""}?`,
    lead: number,
    fields: reason ? [{ name: "reason", label: "Reason", required: true, maxlength: 64, hint: "It stands in the history of the order." }] : [],
    effect: () => says[direction],
    act: text,
    danger,
    async run(values, once) {
      const { state } = await send("POST", `v1/orders/${part(number)}/${name}`, values, { once });
      return `Order ${number} is ${word(state).toLowerCase()}.`;
    },
  });
}

function about(found) {
  return facts([
    ["Direction", word(found.direction)],
    ["Warehouse", found.warehouse_id],
    ["Reference", found.external_ref],
    ["Hold", found.reservation_id && holdLink(found.reservation_id)],
    ["Taken down", when(found.created_at)],
    ["Changed", when(found.changed_at)],
    ["Reason", found.reason],
    ["64-bit number", found.order_id],
  ]);
}

function trail(history) {
  return h("ol", { class: "trail" }, history.map(({ to_state: state, reason, operator, at }) =>
    h("li", { "data-key": `${at}.${state}` }, badge(state), " ", reason, h("div", { class: "when" }, when(at), operator && ` by ${operator}`))));
}

function lines(rows) {
  return table("Lines", [
    { title: "SKU", name: true, show: ({ sku }) => skuLink(sku) },
    { title: "Quantity", number: true, show: ({ quantity }) => units(quantity) },
    { title: "Lot", show: ({ lot, named_lot: named, lot_quantity: of }) => (lot ? `${lot}${of ? ` (${units(of)})` : ""}` : named ?? "–") },
  ], rows, ({ line, lot }) => `${line}.${lot ?? ""}`);
}
