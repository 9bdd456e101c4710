// Which page an address names.

import { hold } from "./hold.js";
import { hot } from "./hot.js";
import { low } from "./low.js";
import { order } from "./order.js";
import { orders } from "./orders.js";
import { outbox } from "./outbox.js";
import { overview } from "./overview.js";
import { repairs } from "./repairs.js";
import { saga } from "./saga.js";
import { sagas } from "./sagas.js";
import { service } from "./service.js";
import { sku } from "./sku.js";
import { stock } from "./stock.js";

/** Name and text, in the order of the navigation. */
export const NAVIGATION = [
  ["", "Overview"],
  ["stock", "Stock"],
  ["low", "Low stock"],
  ["hot", "Hot SKUs"],
  ["orders", "Orders"],
  ["holds", "Holds"],
  ["outbox", "Outbox"],
  ["sagas", "Sagas"],
  ["repairs", "Repairs"],
  ["service", "Service"],
];

/** A list, and the page of one of its things. */
const PAGES = {
  "": [overview],
  stock: [stock, sku],
  low: [low],
  hot: [hot],
  orders: [orders, order],
  holds: [hold, hold],
  outbox: [outbox],
  sagas: [sagas, saga],
  repairs: [repairs],
  service: [service],
};

export function pageOf(hash) {
  const [name, ...rest] = hash.replace(/^#\/?/, "").split("/");
  const parameters = rest.filter(Boolean).map(decoded);
  const section = Object.hasOwn(PAGES, name) ? name : "";
  return { page: PAGES[section][parameters.length] ?? PAGES[section][0], parameters, section };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
