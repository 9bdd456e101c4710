// What the outbox and the sagas may answer: dead events and stuck sagas take hours to come by.

const outbox = [
  { id: 4711, sink: "webhook", event_type: "STOCK_DEDUCTED", payload: { sku: "LAMP-01", qty: 1 }, status: "DEAD", attempts: 12, next_attempt_at: null, error: "410 <b>Gone</b>", at: "2026-01-02T03:04:05Z" },
  { id: 4712, sink: "webhook", event_type: "LOW_STOCK", payload: { sku: "<i>LAMP</i>" }, status: "DEAD", attempts: 12, next_attempt_at: null, error: null, at: "2026-01-02T03:04:06Z" },
];

export const SAGA = "0197a1b2-0000-7000-8000-000000000001";

const saga = {
  saga_id: SAGA, saga: "outbound_order", state: "NEEDS_ATTENTION", reason: "step payment was tried 8 times", input: { lines: [{ sku: "LAMP-01", quantity: 1 }] },
  due_at: null, operator: "web", trace_id: null, created_at: "2026-01-02T03:04:05Z", changed_at: "2026-01-02T03:14:05Z",
};
const steps = [
  { step: 1, name: "reserve", participant: "engine", direction: "action", call: "reserve", state: "DONE", asked: 1, answer: null, detail: null, began_at: "2026-01-02T03:04:05Z", changed_at: "2026-01-02T03:04:05Z" },
  { step: 2, name: "payment", participant: "pay", direction: "action", call: "charge", state: "CALLING", asked: 8, answer: null, detail: "503 <b>busy</b>", began_at: "2026-01-02T03:04:06Z", changed_at: "2026-01-02T03:14:05Z" },
];

const listOf = (data) => ({ data, next_cursor: null });
const NOT_FOUND = { type: "/errors/not-found", title: "there is nothing at this address", status: 404, detail: "nothing is here", code: "not_found", trace_id: "0", retryable: false };

async function answer(reader, path, status, body) {
  const contentType = status < 400 ? "application/json" : "application/problem+json";
  await reader.context.route((url) => url.pathname === path, (route) => route.fulfill({ status, contentType, body: JSON.stringify(body) }));
}

export async function stuck(reader) {
  await answer(reader, "/v1/outbox", 200, listOf(outbox));
  await answer(reader, "/v1/outbox/4711/redrive", 200, { id: 4711, sink: "webhook", replayed: false });
  await answer(reader, "/v1/sagas", 200, listOf([saga]));
  await answer(reader, `/v1/sagas/${SAGA}`, 200, { ...saga, steps });
  await answer(reader, `/v1/sagas/${SAGA}/retry`, 200, { saga_id: SAGA, state: "RUNNING", replayed: false });
}

export async function nothingStuck(reader) {
  await answer(reader, "/v1/outbox", 200, listOf([]));
  await answer(reader, "/v1/sagas", 200, listOf([]));
}

export async function notOffered(reader) {
  for (const path of ["/v1/outbox", "/v1/sagas", "/v1/events"]) await answer(reader, path, 404, NOT_FOUND);
}
