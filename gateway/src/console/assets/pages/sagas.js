// Orders of several steps; first those that somebody has to look at.

import { list } from "../api.js";
import { h } from "../dom.js";
import { word } from "../format.js";
import { table } from "../parts/table.js";
import { badge, empty, head, more, notOffered, when } from "../parts/words.js";

const PAGE = 50;
const STATES = ["NEEDS_ATTENTION", "RUNNING", "REVERTING", "COMPLETED", "REVERTED"];

export const sagas = {
  title: "Sagas",

  async read(_parameters, { signal, memory }) {
    memory.rows ??= PAGE;
    memory.status ??= "NEEDS_ATTENTION";
    try {
      return await list("v1/sagas", { status: memory.status }, { most: memory.rows, signal });
    } catch (error) {
      if (error.isNotOffered) return null;
      throw error;
    }
  },

  show(found, visit) {
    const lead = "Orders of several steps, each undone where a later one is refused.";
    if (!found) return [head("Sagas", lead), notOffered("sagas", "They came with a later version.")];
    return [head("Sagas", lead), filter(visit),
      h("section", { class: "card" }, found.rows.length ? shown(found.rows) : nothing(visit.memory.status),
        more(found.rows.length, found.cursor, () => visit.change({ rows: visit.memory.rows + PAGE })))];
  },
};

function filter(visit) {
  const { memory } = visit;
  const onchange = (event) => visit.change({ status: event.target.value, rows: PAGE });
  const choices = [...STATES.map((state) => [state, word(state)]), ["", "Every state"]];
  return h("form", { class: "search", onsubmit: (event) => event.preventDefault() },
    h("label", {}, h("span", { class: "unseen" }, "State"), h("select", { onchange }, choices.map(([value, text]) => h("option", { value, selected: value === memory.status }, text)))));
}

function shown(rows) {
  return table("Sagas", [
    { title: "Saga", name: true, show: ({ saga_id: id, saga }) => [h("a", { href: `#/sagas/${id}` }, saga), h("span", { class: "sub" }, id)] },
    { title: "State", show: ({ state }) => badge(state) },
    { title: "Why", name: true, show: ({ reason }) => reason ?? "–" },
    { title: "Changed", show: ({ changed_at: at }) => when(at) },
    { title: "Begun", later: true, show: ({ created_at: at }) => when(at) },
  ], rows, ({ saga_id: id }) => id);
}

function nothing(status) {
  if (status === "NEEDS_ATTENTION") return empty("No saga needs attention.", "One that was tried too often, or whose undoing was refused, stands here.");
  return empty("No saga is like that.", "They begin with ", h("code", {}, "POST /v1/sagas"), ".");
}
