/** A histogram of probabilities from 0 to 1. */

import { svg } from "../core/dom.js";
import { count } from "../core/format.js";

const WIDTH = 640;
const HEIGHT = 150;
const FLOOR = 126;
const BINS = 20;

/**
 * @param {number[]} probabilities
 * @param {string} of what they are probabilities of
 * @param {number} colour position of the class
 * @returns {SVGElement}
 */
export function histogram(probabilities, of, colour) {
  const counts = new Array(BINS).fill(0);
  for (const p of probabilities) counts[Math.min(BINS - 1, Math.floor(p * BINS))] += 1;
  const top = Math.max(...counts, 1);
  const bars = counts.map((size, bin) => {
    const height = size ? Math.max(2, (size / top) * (FLOOR - 20)) : 0;
    const [x, width] = [(bin * WIDTH) / BINS + 2, WIDTH / BINS - 4];
    return svg(
      "g",
      {},
      svg("rect", { class: `fill-${colour % 8}`, x, width, y: FLOOR - height, height, rx: 2 },
        svg("title", { text: `${(bin / BINS).toFixed(2)} to ${((bin + 1) / BINS).toFixed(2)}: ${count(size, "series")}` })),
      size ? svg("text", { class: "caption middle", x: x + width / 2, y: FLOOR - height - 4, text: String(size) }) : null,
    );
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((p) =>
    svg("text", {
      class: `caption ${p === 0 ? "" : p === 1 ? "end" : "middle"}`,
      x: p * WIDTH,
      y: HEIGHT - 6,
      text: String(p),
    }),
  );
  const label = `Histogram of the probability of ${of}, over ${count(probabilities.length, "series")}`;
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "histogram", role: "img", "aria-label": label },
    ...bars,
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: FLOOR, y2: FLOOR }),
    ...ticks,
  );
}
