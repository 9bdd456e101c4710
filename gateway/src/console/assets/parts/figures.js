// The plots that more than one page shows, of what the sampler keeps.

import { amount, duration } from "../format.js";
import { sampler } from "../sampler.js";
import { plot } from "./plot.js";

/** Lines of the sampler's points: each has a name, and what it is of a point. */
export function sampled(label, lines, { show = amount, tall } = {}) {
  const { points, problem } = sampler;
  return plot({
    label,
    tall,
    times: points.map(({ at }) => at),
    series: lines.map(([name, of]) => ({ name, show, values: points.map((point) => point[of] ?? null) })),
    waiting: problem?.status ? `/metrics: ${problem.message}` : "The first figures come in a few seconds.",
  });
}

export const ratePlot = (options) => sampled("Deductions a second", [["accepted", "acceptedRate"], ["refused", "refusedRate"]], options);
export const latencyPlot = (options) => sampled("Time a command takes", [["p50", "p50"], ["p99", "p99"]], { show: duration, ...options });
export const batchPlot = (options) => sampled("Commands in one commit", [["mean", "batchMean"], ["p99", "batch99"]], options);
export const waitPlot = (options) => sampled("Waiting for a connection", [["p99", "poolWait99"]], { show: duration, ...options });
export const eventPlot = (options) => sampled("Events a second", [["events", "eventRate"]], options);
