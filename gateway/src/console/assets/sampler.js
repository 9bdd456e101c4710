// Reads /metrics every two seconds while somebody looks, and keeps ten minutes of what that says.

import { ask } from "./api.js";
import { between, buckets, parse, quantile, sum } from "./metrics.js";
import { live } from "./live.js";

const EVERY_MS = 2_000;
const KEPT = 300;
/** Rates and quantiles are of the last five readings: smooth enough to read, quick enough to act on. */
const WINDOW = 5;

/** `sample` when there is one more; `points` are what plots show, `latest` what tiles show. */
export const sampler = Object.assign(new EventTarget(), { points: [], latest: null, problem: null });

let readings = [];

export async function sample(signal) {
  while (!signal.aborted) {
    if (!document.hidden) await once(signal);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

async function once(signal) {
  try {
    const text = await (await ask("metrics", { signal })).text();
    take(reading(parse(text)));
    sampler.problem = null;
  } catch (error) {
    if (signal.aborted) return;
    sampler.problem = error;
    // A process that comes back counts from nought.
    readings = [];
  }
  sampler.dispatchEvent(new Event("sample"));
}

function take(now) {
  if (readings.length && now.accepted < readings.at(-1).accepted) readings = [];
  readings = [...readings, now].slice(-WINDOW - 1);
  const point = compared(readings[0], now);
  sampler.latest = { ...now, ...point };
  sampler.points = [...sampler.points, point].slice(-KEPT);
}

function reading(metrics) {
  const deductions = "inventory_deductions_total";
  const state = (name) => sum(metrics, "inventory_pool_connections", (labels) => labels.state === name);
  // Beside what the slowest sink has to hear stands what each one has.
  const ofAll = (name) => sum(metrics, name, (labels) => labels.sink === undefined);
  return {
    at: Date.now() / 1_000,
    events: live.count,
    accepted: sum(metrics, deductions, (labels) => labels.outcome === "accepted") ?? 0,
    refused: sum(metrics, deductions, (labels) => labels.outcome !== "accepted") ?? 0,
    requests: sum(metrics, "inventory_http_requests_total") ?? 0,
    command: buckets(metrics, "inventory_update_latency_seconds"),
    poolWait: buckets(metrics, "inventory_pool_wait_seconds"),
    sizes: buckets(metrics, "inventory_batch_size"),
    commands: sum(metrics, "inventory_batch_size_sum") ?? 0,
    batches: sum(metrics, "inventory_batch_size_count") ?? 0,
    locks: locks(metrics),
    breaker: sum(metrics, "inventory_breaker_state"),
    hot: sum(metrics, "inventory_hot_skus"),
    pending: ofAll("inventory_outbox_pending"),
    lag: ofAll("inventory_outbox_lag_seconds"),
    openLeases: sum(metrics, "inventory_leases"),
    overdueLeases: sum(metrics, "inventory_leases", (labels) => labels.state === "overdue"),
    leases: sum(metrics, "inventory_leases_held"),
    leased: sum(metrics, "inventory_lease_units_left"),
    untold: sum(metrics, "inventory_lease_sales_untold"),
    idle: state("idle"),
    busy: state("busy"),
  };
}

function locks(metrics) {
  const outcome = (name) => sum(metrics, "inventory_lock_total", (labels) => labels.outcome === name);
  return { acquired: outcome("acquired"), waited: outcome("waited"), busy: outcome("busy") };
}

function compared(before, now) {
  const seconds = now.at - before.at;
  const rate = (of) => (seconds > 0 ? (now[of] - before[of]) / seconds : null);
  const spread = (of, q) => quantile(q, between(before[of], now[of]));
  const batches = now.batches - before.batches;
  return {
    at: now.at,
    acceptedRate: rate("accepted"),
    refusedRate: rate("refused"),
    eventRate: rate("events"),
    requestRate: rate("requests"),
    p50: spread("command", 0.5),
    p99: spread("command", 0.99),
    poolWait99: spread("poolWait", 0.99),
    batchMean: batches > 0 ? (now.commands - before.commands) / batches : null,
    batch99: spread("sizes", 0.99),
  };
}
