/** The axes and lines of charts, as uPlot takes them. */

import { number } from "../core/format.js";
import { rem, token } from "./theme.js";

/** The font of axes. */
const font = () => `${(0.75 * rem()).toFixed(1)}px ${token("--font")}`;

/**
 * The x axis and the y axis.
 * @param {string} [title] of the x axis
 */
export function axes(title) {
  const size = rem();
  const axis = {
    font: font(),
    stroke: () => token("--muted"),
    grid: { stroke: () => token("--grid"), width: 1 },
    ticks: { show: false },
  };
  return [
    { ...axis, size: 1.8 * size, label: title, labelFont: font(), labelSize: 1.2 * size, gap: 0.3 * size },
    { ...axis, size: 3.1 * size, gap: 0.4 * size, values: (_plot, ticks) => ticks.map((tick) => number(tick)) },
  ];
}

/** A range with some room, also around a constant. */
export function padded(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.08 || Math.abs(low) * 0.1 || 1;
  return [low - room, high + room];
}

/**
 * A line.
 * @param {import("./line.js").Line} line
 * @param {() => string} colour the name of its custom property; asked for with each drawing
 */
export function stroke(line, colour) {
  return {
    label: line.name,
    stroke: () => token(colour()),
    width: line.width ?? 1.5,
    dash: line.dash,
    points: { show: false },
  };
}
