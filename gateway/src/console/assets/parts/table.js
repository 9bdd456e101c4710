// Tables: columns say what they show of a row, and how.

import { h } from "../dom.js";

/**
 * `columns`: [{title, show(row), number, name, later, quiet}]: `number` is aligned at its right, `name` may wrap, what
 * comes `later` is left out on a phone, a `quiet` title is for screen readers alone. `key(row)` is what a row is found
 * again by.
 */
export function table(caption, columns, rows, key) {
  const kind = ({ number, name, later }) => [number && "number", name && "name", later && "later"].filter(Boolean).join(" ") || null;
  // Wider than a phone: scrolled by its own, also with the keyboard.
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: kind(column) }, titleOf(column))))),
      h("tbody", {}, rows.map((row) =>
        h("tr", { "data-key": key(row) }, columns.map((column) => h("td", { class: kind(column) }, column.show(row))))))));
}

const titleOf = ({ title, quiet }) => (quiet ? h("span", { class: "unseen" }, title) : title);
