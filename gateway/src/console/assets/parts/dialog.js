// Questions before something is changed. A command is sent once however often it is tried: as long as its
// content is the same, so is its key.

import { fresh } from "../api.js";
import { h } from "../dom.js";
import { notice } from "./notice.js";
import { trouble } from "./words.js";

/**
 * `fields`: [{name, label, hint, type, required, …}], `effect(values)`: what it will do, in words,
 * `run(values, once)`: does it and gives what to say. Resolves when it was done, and when it was not.
 */
export function question({ title, lead, fields = [], effect, act, danger, run }) {
  return new Promise((resolve) => {
    const inputs = fields.map(input);
    const foretold = h("p", { class: "effect", "aria-live": "polite" });
    const wrong = h("div", {});
    const go = h("button", { class: danger ? "danger" : "primary" }, act);
    const values = () => Object.fromEntries(inputs.map(({ name, read }) => [name, read()]));
    const foretell = () => foretold.replaceChildren(effect ? effect(values()) : "");
    const form = h("form", { method: "dialog", onsubmit, oninput: foretell },
      h("h2", { id: "question" }, title), lead && h("p", {}, lead),
      inputs.map(({ node }) => node), effect && foretold, wrong,
      h("div", { class: "buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), go));
    const dialog = h("dialog", { "aria-labelledby": "question", onclose }, form);
    const keys = onceFor();

    async function onsubmit(event) {
      event.preventDefault();
      go.disabled = true;
      wrong.replaceChildren();
      const given = values();
      try {
        notice(await run(given, keys(given)));
        done = true;
        dialog.close();
      } catch (error) {
        wrong.replaceChildren(trouble(error));
      } finally {
        go.disabled = false;
      }
    }

    let done = false;
    function onclose() {
      dialog.remove();
      resolve(done);
    }

    foretell();
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** The same key for the same content, another for another. */
function onceFor() {
  let [content, once] = [null, null];
  return (values) => {
    const now = JSON.stringify(values);
    if (now !== content) [content, once] = [now, fresh()];
    return once;
  };
}

function input({ name, label, hint, options, ...attributes }) {
  const field = options
    ? h("select", { name }, options.map(([value, text]) => h("option", { value }, text)))
    : h("input", { name, autocomplete: "off", ...attributes });
  const read = () => {
    const text = field.value.trim();
    if (text === "") return null;
    return attributes.type === "number" ? Number(text) : text;
  };
  return { name, read, node: h("label", {}, label, field, hint && h("span", { class: "hint" }, hint)) };
}
