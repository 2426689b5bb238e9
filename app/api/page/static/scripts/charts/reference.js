/** The out-of-distribution score on the novelty of the series that training held out. */

import { svg } from "../core/dom.js";
import { share } from "../core/format.js";

const WIDTH = 300;
const HEIGHT = 52;
const FLOOR = 50;
const BINS = 36;

/**
 * A picture of the reference distribution, the threshold and one series.
 * @param {{quantiles: number[], threshold: number}} novelty of the contract
 * @param {number} score from 0 to 1
 * @param {boolean} unlike whether the service calls the series unlike the training data
 * @returns {SVGElement}
 */
export function referencePicture({ quantiles, threshold }, score, unlike) {
  const [low, high] = [quantiles[0], Math.max(quantiles.at(-1), threshold)];
  const margin = (high - low) * 0.12;
  const x = (value) => ((value - low) / (high + margin - low)) * WIDTH;
  const heights = density(quantiles, low, high);
  const top = Math.max(...heights);
  const outline = heights.map((height, bin) => {
    const at = x(low + ((bin + 0.5) * (high - low)) / BINS);
    return `${at.toFixed(1)},${(FLOOR - (height / top) * (FLOOR - 12)).toFixed(1)}`;
  });
  // The score is a rank: above the largest reference there is no more than that to know.
  const mark = unlike && score >= 1 ? WIDTH - 6 : x(valueAt(quantiles, score));
  return svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      class: "reference",
      role: "img",
      "aria-label":
        `Out-of-distribution score ${score.toFixed(4)}: ${share(score)} of the series held out of training are less ` +
        `unusual. ${unlike ? "Beyond" : "Within"} the threshold.`,
    },
    svg("polygon", { class: "density", points: `0,${FLOOR} ${outline.join(" ")} ${x(high).toFixed(1)},${FLOOR}` }),
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: FLOOR, y2: FLOOR }),
    svg("line", { class: "threshold", x1: x(threshold), x2: x(threshold), y1: 8, y2: FLOOR }),
    svg("line", { class: unlike ? "mark unlike" : "mark", x1: mark, x2: mark, y1: 6, y2: FLOOR }),
    svg("circle", { class: unlike ? "mark unlike" : "mark", cx: mark, cy: 6, r: 4 }),
  );
}

/** Share of the reference in each of some bins, smoothed over neighbours. */
function density(quantiles, low, high) {
  const shares = new Array(BINS).fill(0);
  for (let index = 1; index < quantiles.length; index++) {
    const middle = (quantiles[index - 1] + quantiles[index]) / 2;
    shares[Math.min(BINS - 1, Math.floor(((middle - low) / (high - low)) * BINS))] += 1;
  }
  return shares.map((share, bin) => (2 * share + (shares[bin - 1] ?? 0) + (shares[bin + 1] ?? 0)) / 4);
}

function valueAt(quantiles, score) {
  const place = score * (quantiles.length - 1);
  const before = Math.min(Math.floor(place), quantiles.length - 2);
  return quantiles[before] + (quantiles[before + 1] - quantiles[before]) * (place - before);
}
