// The bytes over time: bars of what was sent as images and as patches, and of what patches saved.

import uPlot from "./uPlot.esm.js";
import { $, el, table } from "./dom.js";
import { bytes, count } from "./format.js";

// From the bottom of a bar upwards.
const parts = [
  { key: "image_bytes", name: "images", color: "--images" },
  { key: "patch_bytes", name: "patches", color: "--patches" },
  { key: "saved_bytes", name: "saved", color: "--saved" },
];

const time = (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const ranges = [
  { name: "Last hour", list: "minutes", step: 60, n: 60, tick: time },
  { name: "Last week", list: "hours", step: 3600, n: 168, incrs: [86400, 2 * 86400],
    tick: (at) => at.toLocaleDateString([], { weekday: "short", day: "numeric" }) },
];
const HEIGHT = 190;

let chosen = ranges[0];
let stats = null; // as shown
let plot = null;
let shownParts = []; // the legend's values
let shownData = null;

/** One number for each step up to now, 0 where nothing was sent. */
function series(range) {
  const last = Math.floor(Date.now() / 1000 / range.step) * range.step;
  const start = last - (range.n - 1) * range.step;
  const x = Array.from({ length: range.n }, (_, i) => start + i * range.step);
  const values = parts.map(() => new Array(range.n).fill(0));
  for (const period of stats[range.list]) {
    const i = (Date.parse(period.at) / 1000 - start) / range.step;
    if (i >= 0 && i < range.n) {
      parts.forEach((part, p) => { values[p][i] = period[part.key]; });
    }
  }
  return { x, values };
}

const sum = (list) => list.reduce((a, b) => a + b, 0);

/** Each bar is drawn from 0 to the sum of its part and those below, the highest first; none where its part is 0. */
function stacked({ x, values }) {
  const upTo = (p, i) => sum(values.slice(0, p + 1).map((list) => list[i]));
  const sums = values.map((list, p) => list.map((value, i) => (value > 0 ? upTo(p, i) : null)));
  return [x, ...sums.reverse()];
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** What the bar under the pointer stands for; all of them without one. */
function showLegend() {
  const at = plot?.cursor.idx ?? null;
  parts.forEach((part, p) => {
    const list = shownData.values[p];
    shownParts[p].textContent = bytes(at === null ? sum(list) : list[at]);
  });
}

function makePlot(range, data) {
  const axis = { stroke: color("--muted"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const bars = uPlot.paths.bars({ size: [0.7, 24], align: 1 });
  return new uPlot({
    width: $("chart").clientWidth,
    height: HEIGHT,
    padding: [10, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { range: (_, min, max) => [min, max + range.step] }, y: { range: (_, __, max) => [0, Math.max(max, 4000)] } },
    series: [{}, ...[...parts].reverse().map((part) => ({
      fill: color(part.color), stroke: color(part.color), width: 0, paths: bars, points: { show: false },
    }))],
    axes: [
      { ...axis, font, size: 28, grid: { show: false }, space: 70, incrs: range.incrs,
        values: (_, ticks) => ticks.map((tick) => range.tick(new Date(1000 * tick))) },
      { ...axis, font, size: 62, values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "0" : bytes(tick))) },
    ],
    hooks: { setCursor: [showLegend] },
  }, stacked(data), $("chart"));
}

function dataTable(range) {
  const rows = stats[range.list].map((period) => [
    new Date(period.at).toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }),
    ...parts.map((part) => count(period[part.key])),
  ]);
  return rows.length === 0 ? el("p", { class: "note" }, "Nothing was sent in this time.")
    : table(`Bytes by ${range.step === 60 ? "minute" : "hour"}`,
      [{ title: "from" }, ...parts.map((part) => ({ title: part.name, number: true }))], rows);
}

/** Anew, with other colours or another range. */
function draw() {
  for (const button of $("chart-range").children) {
    button.setAttribute("aria-pressed", button.textContent === chosen.name);
  }
  plot?.destroy();
  shownData = series(chosen);
  plot = makePlot(chosen, shownData);
  describe();
}

/** In words and as a table, for those who do not see the bars. */
function describe() {
  const sums = shownData.values.map(sum);
  $("chart").toggleAttribute("data-empty", sum(sums) === 0);
  $("chart").setAttribute("aria-label", `${chosen.name}: ` +
    parts.map((part, p) => `${part.name} ${bytes(sums[p])}`).join(", "));
  showLegend();
  $("chart-table").replaceChildren(dataTable(chosen));
}

function choose(range) {
  chosen = range;
  draw();
}

function build() {
  $("chart-range").replaceChildren(...ranges.map((range) => {
    const button = el("button", { type: "button" }, range.name);
    button.addEventListener("click", () => choose(range));
    return button;
  }));
  shownParts = parts.map(() => el("b", {}));
  $("chart-legend").replaceChildren(...parts.map((part, p) =>
    el("span", {}, el("i", { class: part.name }), `${part.name} `, shownParts[p])));
  new ResizeObserver(() => plot?.setSize({ width: $("chart").clientWidth, height: HEIGHT })).observe($("chart"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

export function showChart(newStats) {
  const first = stats === null;
  stats = newStats;
  if (first) {
    build();
    choose(stats.minutes.length > 0 || stats.hours.length === 0 ? ranges[0] : ranges[1]);
    return;
  }
  shownData = series(chosen);
  plot.setData(stacked(shownData));
  describe();
}
