// Numbers and times as the reader writes them, in the reader's zone.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat(undefined, { signDisplay: "exceptZero" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hourAndMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "your own zone";

export const units = (n) => (n === null || n === undefined ? "–" : whole.format(n));
export const change = (n) => signed.format(n);
export const fullTime = (text) => moment.format(new Date(text));

/** A rate or a size: exact where it is small. */
export const amount = (n) => (n === null || n === undefined ? "–" : n < 100 ? tenths.format(n) : whole.format(n));

/** Seconds as people say them: 0.8 ms, 12 ms, 1.4 s. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${tenths.format(seconds * 1000)} ms`;
  return seconds < 60 ? `${tenths.format(seconds)} s` : age(seconds);
}

/** How long ago something is, in its largest unit. */
export function age(seconds) {
  for (const [size, name] of [[86_400, "d"], [3_600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${whole.format(Math.floor(seconds / size))} ${name}`;
  }
  return `${whole.format(Math.max(0, Math.floor(seconds)))} s`;
}

/** Today's by their time, others with their day. */
export function time(text) {
  const at = new Date(text);
  return at.toDateString() === new Date().toDateString() ? timeOfDay.format(at) : dayAndTime.format(at);
}

/** Marks of a time axis that spans so many seconds. */
export function tick(seconds, span) {
  const at = new Date(seconds * 1000);
  if (span > 3 * 86_400) return day.format(at);
  if (span > 86_400) return dayAndTime.format(at);
  return (span > 300 ? hourAndMinute : timeOfDay).format(at);
}

/** `NEEDS_ATTENTION` as a word. */
export function word(code) {
  const text = String(code ?? "").replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
