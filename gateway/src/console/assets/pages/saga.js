// One saga: its calls, and how it goes on.

import { get, part, send } from "../api.js";
import { h } from "../dom.js";
import { units, word } from "../format.js";
import { question } from "../parts/dialog.js";
import { badge, card, facts, head, when } from "../parts/words.js";

export const saga = {
  title: (id) => `Saga ${id}`,
  every: 3_000,

  read: ([id], { signal }) => get(`v1/sagas/${part(id)}`, {}, signal),

  show(found, visit) {
    const act = (revert) => async () => (await ask(found, revert)) && visit.again();
    return [
      head([found.saga, " ", badge(found.state)], h("code", {}, found.saga_id), {
        crumb: { href: "#/sagas", text: "Sagas" },
        actions: found.state === "NEEDS_ATTENTION" && [
          h("button", { type: "button", class: "primary", onclick: act(false) }, "Try again"),
          h("button", { type: "button", onclick: act(true) }, "Undo everything"),
        ],
      }),
      h("div", { class: "columns" }, card("What it is", facts([
        ["Why", found.reason],
        ["Begun", when(found.created_at)],
        ["Changed", when(found.changed_at)],
        ["Goes on", found.due_at && when(found.due_at)],
        ["By", found.operator],
        ["Trace", found.trace_id && h("code", {}, found.trace_id)],
        ["Input", h("code", {}, JSON.stringify(found.input))],
      ])), card("Its calls", calls(found.steps))),
    ];
  },
};

function calls(steps) {
  return h("ol", { class: "trail" }, steps.map((step) => h("li", { "data-key": `${step.step}.${step.direction}` },
    h("strong", {}, step.name), step.direction === "compensation" ? ", undone " : " ", badge(step.state),
    h("div", { class: "when" }, when(step.began_at), ` by ${step.participant}`, step.asked > 1 && `, asked ${units(step.asked)} times`),
    step.detail && h("div", {}, step.detail))));
}

function ask({ saga_id: id, saga: name, reason }, revert) {
  return question({
    title: revert ? `Undo ${name}?` : `Try ${name} again?`,
    lead: reason,
    effect: () => (revert ? "The step that is stuck is given up, and what was done is undone." : "The step that is stuck is tried again."),
    act: revert ? "Undo everything" : "Try again",
    danger: revert,
    async run(_values, once) {
      const { state } = await send("POST", `v1/sagas/${part(id)}/retry`, { revert }, { once });
      return `The saga is ${word(state).toLowerCase()}.`;
    },
  });
}
