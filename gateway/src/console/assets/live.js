// What happens, as it happens: follows /v1/events, and says how well that goes.

import { Gone, ask, line } from "./api.js";
import { messages } from "./stream.js";

/** Events are told together, this often, however many there are. */
const TOGETHER_MS = 250;
const AGAIN_MS = 1_000;
/** Where it is not offered, or this gateway has no seat for us. */
const LATER_MS = 30_000;
const KEPT = 200;

/**
 * `events` (detail: those that came), `state` when it changes: `connecting`, `live`, `polling` (what is
 * shown is read again now and then) or `gone`.
 */
export const live = Object.assign(new EventTarget(), {
  state: "connecting",
  /** The newest, newest first. */
  recent: [],
  /** How many came in all. */
  count: 0,
});

let waiting = [];
let place = "";

export async function follow(signal) {
  const timer = setInterval(tell, TOGETHER_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  while (!signal.aborted) {
    await pause(await once(signal), signal);
  }
}

/** One stream to its end; gives the milliseconds to wait before the next. */
async function once(signal) {
  try {
    const headers = place ? { "Last-Event-ID": place } : {};
    const answer = await ask("v1/events", { headers, signal, patience: 0 });
    enter("live");
    for await (const { id, type, data } of messages(answer.body)) {
      if (type === "problem") place = "";
      else if (id) place = id;
      if (type !== "problem" && type !== "position") waiting.push(JSON.parse(data));
    }
    return AGAIN_MS;
  } catch (error) {
    if (signal.aborted) return 0;
    if (error instanceof Gone || !error.status) {
      enter("gone");
      return AGAIN_MS;
    }
    if (error.status === 422) place = "";
    enter("polling");
    return error.isNotOffered ? LATER_MS : (error.retryAfter ?? 5) * 1_000;
  }
}

function tell() {
  if (!waiting.length) return;
  const came = waiting;
  waiting = [];
  live.count += came.length;
  live.recent = [...came.slice(-KEPT).reverse(), ...live.recent].slice(0, KEPT);
  live.dispatchEvent(new CustomEvent("events", { detail: came }));
}

function enter(state) {
  if (live.state === state) return;
  live.state = state;
  live.dispatchEvent(new Event("state"));
}

/** Over at once when somebody answers again. */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      line.removeEventListener("back", over);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, milliseconds);
    line.addEventListener("back", over);
    signal.addEventListener("abort", over);
  });
}
