// What was done, said for a moment where screen readers hear it too.

import { h } from "../dom.js";

const FOR_MS = 6_000;

const notices = h("div", { class: "notices", role: "status", "aria-live": "polite" });

export function mount() {
  document.body.append(notices);
}

export function notice(text) {
  const said = h("div", { class: "notice" }, text);
  notices.append(said);
  setTimeout(() => said.remove(), FOR_MS);
}
