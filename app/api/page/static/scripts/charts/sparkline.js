/** A small picture of a series, for buttons and lists. */

import { svg } from "../core/dom.js";

const WIDTH = 120;
const HEIGHT = 36;

/**
 * @param {number[]} values
 * @param {number} [most] of the values to draw
 * @returns {SVGElement}
 */
export function sparkline(values, most = 2 * WIDTH) {
  const step = Math.max(1, Math.floor(values.length / most));
  const shown = values.filter((_value, index) => index % step === 0);
  const low = Math.min(...shown);
  const range = Math.max(...shown) - low || 1;
  const points = shown.map((value, index) => {
    const x = (index / (shown.length - 1)) * WIDTH;
    const y = HEIGHT - 2 - ((value - low) / range) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sparkline", "aria-hidden": "true", preserveAspectRatio: "none" },
    svg("polyline", { points: points.join(" ") }),
  );
}
