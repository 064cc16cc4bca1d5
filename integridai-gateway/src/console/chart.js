// Small charts.

import { h, svg } from "./dom.js";

const WIDTH = 240;
const HEIGHT = 48;
const MARGIN = 4;

/** A line over an area; `label` says in words what it shows. One value is a level line. */
export function sparkline(values, label, floor = null) {
  const known = values.filter(Number.isFinite);
  if (known.length === 0) return h("div", { class: "spark" });
  const points = known.length === 1 ? [known[0], known[0]] : known;
  const low = floor === null ? Math.min(...points) : Math.min(floor, ...points);
  const high = Math.max(...points);
  const x = (index) => (index / (points.length - 1)) * WIDTH;
  // A level line is in the middle, unless it is on the floor.
  const level = high === floor ? HEIGHT - MARGIN : HEIGHT / 2;
  const y = (value) => (high === low ? level : HEIGHT - MARGIN - ((value - low) / (high - low)) * (HEIGHT - 2 * MARGIN));
  const line = points.map((value, index) => `${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
  return svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    svg("path", { class: "spark-area", d: `M0 ${HEIGHT}L${line}L${WIDTH} ${HEIGHT}Z` }),
    svg("path", { class: "spark-line", d: `M${line}`, "vector-effect": "non-scaling-stroke" }),
  );
}

const BAR = 8;
const TALL = { online: 20, degraded: 12, offline: 5 };

/** A row of states, one bar for each: the worse the lower. */
export function strip(states, slots, label) {
  const shown = states.slice(-slots);
  const bars = shown.map((state, index) => {
    const height = TALL[state] ?? TALL.offline;
    const x = (slots - shown.length + index) * BAR;
    return svg("rect", { class: `strip-${state}`, x: x + 1, y: 22 - height, width: BAR - 2, height, rx: 1 });
  });
  const rest = Array.from({ length: slots - shown.length }, (_, index) =>
    svg("rect", { class: "strip-none", x: index * BAR + 1, y: 20, width: BAR - 2, height: 2, rx: 1 }));
  return svg("svg", { class: "strip", viewBox: `0 0 ${slots * BAR} 24`, preserveAspectRatio: "none", role: "img", "aria-label": label }, rest, bars);
}
