// The public API, and what can become of asking it.

import { key } from "./key.js";

/** All addresses are relative to where the console is served, whatever stands before it. */
const ROOT = new URL("../", document.baseURI);
/** Longer than a gateway takes to give up by itself. */
const PATIENCE_MS = 35_000;

/** The gateway refuses, and says why. */
export class Problem extends Error {
  constructor(status, document, retryAfter) {
    super(document.detail ?? document.title ?? `status ${status}`);
    Object.assign(this, { status, ...document, retryAfter: Number(retryAfter) || null });
  }

  /** This gateway has no such route. */
  get isNotOffered() {
    return this.status === 404 && this.code === "not_found";
  }

  get isUnauthorized() {
    return this.status === 401;
  }
}

/** Nobody answers. */
export class Gone extends Error {
  constructor() {
    super("the gateway does not answer");
  }
}

/** Tells `gone` when nobody answers, `here` when somebody does, `locked` when the key does not hold. */
export const line = new EventTarget();

/** Routes that this gateway does not have, until it comes back as another. */
const missing = new Map();
line.addEventListener("back", () => missing.clear());

/** The answer as it comes; anything but success is thrown. */
export async function ask(path, { method = "GET", headers = {}, body, signal, patience = PATIENCE_MS } = {}) {
  const all = { Authorization: `Bearer ${key()}`, ...headers };
  if (body !== undefined) all["Content-Type"] = "application/json";
  const route = path.split("?")[0];
  if (missing.has(route)) throw missing.get(route);
  let answer;
  try {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const until = AbortSignal.any([signal, patience && AbortSignal.timeout(patience)].filter(Boolean));
    answer = await fetch(new URL(path, ROOT), { method, headers: all, body: sent, signal: until, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    line.dispatchEvent(new Event("gone"));
    throw new Gone();
  }
  line.dispatchEvent(new Event("here"));
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  if (problem.isNotOffered) missing.set(route, problem);
  if (problem.isUnauthorized) line.dispatchEvent(new Event("locked"));
  throw problem;
}

async function problemOf(answer) {
  let document = {};
  try {
    document = await answer.json();
  } catch {
    // Something between here and the gateway that writes no problem documents.
  }
  return new Problem(answer.status, document, answer.headers.get("Retry-After"));
}

export async function get(path, query = {}, signal) {
  return (await ask(withQuery(path, query), { signal })).json();
}

/** As `get`, with the version that the answer is of. */
export async function getVersioned(path, query, signal) {
  const answer = await ask(withQuery(path, query), { signal });
  return { value: await answer.json(), tag: answer.headers.get("ETag") };
}

/** A command; `once` is the key under which it may be sent again. */
export async function send(method, path, body, { once, tag } = {}) {
  const headers = {};
  if (once) headers["Idempotency-Key"] = once;
  if (tag) headers["If-Match"] = tag;
  return (await ask(path, { method, headers, body })).json();
}

/** Up to `most` rows of a list, page after page. */
export async function list(path, query, { most = 100, cursor = null, signal } = {}) {
  const rows = [];
  do {
    const limit = Math.min(100, most - rows.length);
    const page = await get(path, { ...query, limit, cursor }, signal);
    rows.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor && rows.length < most);
  return { rows, cursor };
}

/** Unlike every other; made without `randomUUID`, which plain http does not offer. */
export function fresh() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** One part of a path, letter by letter. */
export const part = encodeURIComponent;

function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}
