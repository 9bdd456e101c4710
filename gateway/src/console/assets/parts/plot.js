// Lines over time. `plot(spec)` is an element that draws itself once it is shown, and takes over what a
// fresh one would show. Colours come from the style sheets, so that they follow the theme.

import { h } from "../dom.js";
import { amount, fullTime, tick } from "../format.js";

/** Marks of a time axis stand a whole number of these apart: nobody reads parts of a second. */
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];

/**
 * spec: {label, times: [seconds], series: [{name, values, show, steps}], tall, waiting}; a value of null is a
 * gap. `show(value)` writes a value, at its axis too.
 */
export function plot(spec) {
  const node = document.createElement("live-plot");
  node.spec = spec;
  if (spec.tall) node.className = "tall";
  return node;
}

class LivePlot extends HTMLElement {
  connectedCallback() {
    this.keys = h("div", { class: "keys", "aria-hidden": "true" });
    this.canvas = h("div", { class: "canvas", role: "img" });
    this.replaceChildren(this.keys, this.canvas);
    this.resized = new ResizeObserver(() => this.resize());
    this.resized.observe(this.canvas);
    themes.add(this);
    this.draw();
  }

  disconnectedCallback() {
    this.resized.disconnect();
    themes.delete(this);
    this.chart?.destroy();
    this.chart = null;
  }

  take(fresh) {
    const same = this.spec.series.map(({ name }) => name).join() === fresh.spec.series.map(({ name }) => name).join();
    this.spec = fresh.spec;
    if (!same) {
      this.chart?.destroy();
      this.chart = null;
    }
    this.draw();
  }

  get data() {
    return [this.spec.times, ...this.spec.series.map(({ values }) => values)];
  }

  draw() {
    this.canvas.setAttribute("aria-label", this.inWords());
    if (this.spec.times.length < 2) {
      this.chart?.destroy();
      this.chart = null;
      this.canvas.replaceChildren(h("div", { class: "waiting" }, this.spec.waiting ?? "Waiting for figures."));
    } else if (this.chart) {
      this.chart.setData(this.data);
    } else {
      this.canvas.replaceChildren();
      this.showKeys(null);
      this.chart = new globalThis.uPlot(this.options(), this.data, this.canvas);
    }
    this.showKeys(null);
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (this.chart && width) this.chart.setSize({ width, height });
  }

  redraw() {
    this.chart?.redraw(false, true);
  }

  options() {
    const { series } = this.spec;
    const colour = (node, property) => () => getComputedStyle(node)[property];
    const show = (value) => (series[0].show ?? amount)(value);
    const axis = { stroke: colour(this, "color"), font: `12px ${getComputedStyle(document.body).fontFamily}` };
    const lines = { stroke: colour(this.canvas, "borderTopColor"), width: 1 };
    return {
      width: this.canvas.clientWidth || 300,
      height: this.canvas.clientHeight || 200,
      padding: [8, 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { setScale: false, x: false, y: false } },
      hooks: { setCursor: [(chart) => this.showKeys(chart.cursor.idx)] },
      scales: { y: { range: (_chart, _low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      series: [{}, ...series.map((one, n) => ({
        stroke: colour(this.keys.children[n], "color"),
        width: 2,
        points: { show: false },
        paths: one.steps ? globalThis.uPlot.paths.stepped({ align: 1 }) : undefined,
      }))],
      axes: [
        { ...axis, grid: { show: false }, ticks: { show: false }, space: 70, size: 28, incrs: SECONDS, values: (_chart, marks) => marks.map((at) => tick(at, this.span)) },
        { ...axis, grid: lines, ticks: { show: false }, size: 56, values: (_chart, marks) => marks.map(show) },
      ],
    };
  }

  get span() {
    const { times } = this.spec;
    return times.at(-1) - times[0];
  }

  /** The values under the cursor; the last ones where there is none. */
  showKeys(index) {
    const { series, times } = this.spec;
    const at = index ?? times.length - 1;
    const keys = series.map(({ name, values, show = amount }, n) =>
      h("span", { class: `key series-${n + 1}` }, h("span", {}, name), h("b", {}, show(values[at] ?? null))));
    if (index !== null && index !== undefined) keys.push(h("span", {}, fullTime(times[at] * 1000)));
    if (this.keys.children.length < series.length) return this.keys.replaceChildren(...keys);
    // Those that stand already stay: the chart takes its colours from them.
    series.forEach((_, n) => this.keys.children[n].replaceChildren(...keys[n].childNodes));
    while (this.keys.children.length > series.length) this.keys.lastChild.remove();
    if (keys.length > series.length) this.keys.append(keys.at(-1));
  }

  inWords() {
    const { label, series, times } = this.spec;
    if (times.length < 2) return `${label}: no figures yet`;
    const each = series.map(({ name, values, show = amount }) => {
      const known = values.filter((value) => value !== null);
      return known.length ? `${name} ${show(known.at(-1))}, at most ${show(Math.max(...known))}` : `${name}: none`;
    });
    return `${label}. ${each.join("; ")}`;
  }
}

const themes = new Set();

/** After the theme has changed. */
export function redrawPlots() {
  for (const node of themes) node.redraw();
}

customElements.define("live-plot", LivePlot);
