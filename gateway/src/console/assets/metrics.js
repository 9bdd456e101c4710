// /metrics as numbers: parsed, and what two readings say of the time between them. Pure.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Name to [{labels, value}]. */
export function parse(text) {
  const found = new Map();
  for (const row of text.split("\n")) {
    const [, name, labels, value] = LINE.exec(row) ?? [];
    if (!name) continue;
    if (!found.has(name)) found.set(name, []);
    found.get(name).push({ labels: labelsOf(labels ?? ""), value: Number(value) });
  }
  return found;
}

function labelsOf(text) {
  const unescaped = (value) => value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter));
  return Object.fromEntries(Array.from(text.matchAll(LABEL), ([, name, value]) => [name, unescaped(value)]));
}

/** Of all series of that name whose labels pass; null where there is none. */
export function sum(metrics, name, passes = () => true) {
  const series = (metrics.get(name) ?? []).filter(({ labels }) => passes(labels));
  return series.length ? series.reduce((total, { value }) => total + value, 0) : null;
}

/** A histogram over all series that pass: [upper bound, cumulated count], rising. */
export function buckets(metrics, name, passes = () => true) {
  const counts = new Map();
  for (const { labels, value } of metrics.get(`${name}_bucket`) ?? []) {
    if (!passes(labels)) continue;
    const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
    counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  return [...counts].sort(([a], [b]) => a - b);
}

/** What came between two readings of the same histogram. */
export function between(before, after) {
  const was = new Map(before);
  return after.map(([bound, count]) => [bound, count - (was.get(bound) ?? 0)]);
}

/** As Prometheus estimates it: evenly spread within a bucket. Null where nothing was counted. */
export function quantile(q, histogram) {
  const total = histogram.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return null;
  const rank = q * total;
  let [lower, below] = [0, 0];
  for (const [bound, count] of histogram) {
    if (count >= rank) {
      if (bound === Infinity) return lower;
      return lower + ((bound - lower) * (rank - below)) / (count - below || 1);
    }
    [lower, below] = [bound, count];
  }
  return lower;
}
