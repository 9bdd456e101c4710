// Whether the gateway answers. While it does not, somebody asks after it; when it does again, `line` says `back`.

import { ask, line } from "./api.js";

const LOOK_MS = 1_000;

let gone = false;

export const isGone = () => gone;

line.addEventListener("gone", () => {
  if (gone) return;
  gone = true;
  line.dispatchEvent(new Event("lost"));
  look();
});

line.addEventListener("here", () => {
  if (!gone) return;
  gone = false;
  line.dispatchEvent(new Event("back"));
});

async function look() {
  while (gone) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    // Whatever the answer is: it tells `here` by itself.
    await ask("healthz").catch(() => {});
  }
}
