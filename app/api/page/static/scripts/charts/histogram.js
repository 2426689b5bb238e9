/** A histogram of probabilities from 0 to 1. */

import { el } from "../core/dom.js";
import { count } from "../core/format.js";

const BINS = 20;

/**
 * @param {number[]} probabilities
 * @param {string} of what they are probabilities of
 * @param {number} colour position of the class
 * @returns {HTMLElement}
 */
export function histogram(probabilities, of, colour) {
  const counts = new Array(BINS).fill(0);
  for (const p of probabilities) counts[Math.min(BINS - 1, Math.floor(p * BINS))] += 1;
  const top = Math.max(...counts, 1);
  const bars = counts.map((size, bin) => {
    const bar = el("span", { class: `column fill-${colour % 8}` });
    bar.style.setProperty("--share", String(size / top));
    const range = `${(bin / BINS).toFixed(2)} to ${((bin + 1) / BINS).toFixed(2)}: ${count(size, "series")}`;
    return el("span", { class: "bin", title: range }, size ? el("span", { class: "count", text: String(size) }) : null, size ? bar : null);
  });
  const label = `Histogram of the probability of ${of}, over ${count(probabilities.length, "series")}`;
  return el(
    "div",
    { class: "histogram", role: "img", "aria-label": label },
    el("div", { class: "bins" }, ...bars),
    el("div", { class: "ends" }, ...[0, 0.25, 0.5, 0.75, 1].map((p) => el("span", { text: String(p) }))),
  );
}
